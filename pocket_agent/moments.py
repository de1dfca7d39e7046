"""Dates and times as people type them, in the time zone of this computer."""

from datetime import UTC, datetime, time, timedelta

from pocket_agent.errors import UsageError


def start_of(text: str) -> datetime:
    """The moment that a date or a time begins, in UTC.

    Raises:
        UsageError: it is neither.
    """
    return _parse(text).astimezone(UTC)


def end_of(text: str) -> datetime:
    """The moment that a date ends: the next midnight. A time is its own end. In UTC.

    Raises:
        UsageError: it is neither.
    """
    found = _parse(text)
    if _is_day(text):
        found = datetime.combine(found.date() + timedelta(days=1), time())
    return found.astimezone(UTC)


def _parse(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{text!r} is no date", "Write 2026-11-03, or 2026-11-03T18:30 for a time."
        ) from error


def _is_day(text: str) -> bool:
    return "T" not in text and ":" not in text
