"""Names and times of what is stored."""

import secrets
import time
from datetime import UTC, datetime

PROFILE_ID = "profile.id"
"""The setting of a store that tells its exports from those of other profiles."""


def new_id() -> str:
    """A unique name, 32 hex digits, that sorts by the time it was made (as UUIDv7 does)."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


def milliseconds() -> int:
    """The present moment, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def now() -> str:
    """The present moment, ISO 8601 in UTC with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def this_second() -> str:
    """The present moment, such as `2026-11-03T12:00:00Z`: ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
