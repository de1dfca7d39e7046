"""The words by which a person would look for a day."""

from datetime import UTC, datetime

_MONTHS = (
    "January February March April May June July August September October November December"
).split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


def day_words(at: str) -> str:
    """Words for the day of `at`, such as "Monday 12 12th May 2025".

    Args:
        at: ISO 8601; a time with an offset is shown in the local time zone. Anything else is
            returned as it is: an imported date may be words already.
    """
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return at
    if moment.tzinfo is not None:
        moment = moment.astimezone()
    day, month = moment.day, _MONTHS[moment.month - 1]
    return f"{_DAYS[moment.weekday()]} {day} {day}{_ordinal(day)} {month} {moment.year}"


def _ordinal(day: int) -> str:
    if 10 < day < 20:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def moment(at: str) -> datetime | None:
    """The moment that `at` names, or None if it is no ISO 8601 date; without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(at)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
