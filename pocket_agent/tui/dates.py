"""Dates as a person reads them, in their own time zone."""

from datetime import datetime

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day(iso: str) -> str:
    """`2026-11-03T09:12:00Z` as `3 Nov 2026`; what isn't a date comes back as it is."""
    when = _local(iso)
    return f"{when.day} {_MONTHS[when.month - 1]} {when.year}" if when else iso


def moment(iso: str) -> str:
    """`2026-11-03T09:12:00Z` as `3 Nov 2026 10:12`."""
    when = _local(iso)
    return f"{day(iso)} {when.hour:02}:{when.minute:02}" if when else iso


def _local(iso: str) -> datetime | None:
    try:
        when = datetime.fromisoformat(iso)
        return when.astimezone() if when.tzinfo else when
    except (ValueError, OverflowError, OSError):
        return None
