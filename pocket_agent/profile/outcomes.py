"""What an event did to the profile."""

from dataclasses import dataclass
from enum import StrEnum

from pocket_agent.profile.facts import Fact, Profile


class Outcome(StrEnum):
    """What an event did."""

    ADDED = "added"
    REINFORCED = "reinforced"
    UPDATED = "updated"
    REMOVED = "removed"
    PROPOSED = "proposed"  # waits for a yes or no: low confidence, or a protected fact stands
    REJECTED = "rejected"  # the person said no
    MARKED = "marked"  # locked, unlocked, pinned, unpinned
    UNDONE = "undone"
    REFUSED = "refused"  # a protected fact stands and nothing changed
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Applied:
    """The profile after an event, what the event did, and the fact it did it to."""

    profile: Profile
    outcome: Outcome
    fact: Fact | None = None

    @property
    def changed(self) -> bool:
        """Whether the profile differs from what it was."""
        return self.outcome not in (Outcome.REFUSED, Outcome.UNCHANGED)
