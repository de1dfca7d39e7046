"""The errors a person can meet: what went wrong, and what to do about it.

Raised where the cause is known, shown once at the edge (the command line or the TUI).
"""


class PocketAgentError(Exception):
    """A failure with a message for people.

    Args:
        what: one line saying what went wrong, without a trailing stop.
        todo: one line saying what the reader can do; may be empty.
    """

    exit_code = 1

    def __init__(self, what: str, todo: str = "") -> None:
        super().__init__(what, todo)
        self.what = what
        self.todo = todo

    def __str__(self) -> str:
        return f"{self.what}. {self.todo}".rstrip() if self.todo else self.what


class UsageError(PocketAgentError):
    """The command was called in a way it does not understand."""

    exit_code = 2


class ProfileError(PocketAgentError):
    """An operation that the profile's rules do not allow."""


class ConfigError(PocketAgentError):
    """A setting that can't be read or isn't valid."""


class StoreError(PocketAgentError):
    """The profile's file can't be used."""


class StoreBusyError(StoreError):
    """Another Pocket Agent has this profile open."""


class PassphraseError(StoreError):
    """The profile is encrypted, and its passphrase is missing or wrong."""


class DiskFullError(StoreError):
    """Nothing more can be written; what was there before is intact."""


class ModelError(PocketAgentError):
    """A model file is missing, broken, or not one we can run."""


class EngineDiedError(ModelError):
    """The process that runs the model ended by itself."""


class ContextOverflowError(PocketAgentError):
    """A single message is longer than the model's context."""


class PortableError(PocketAgentError):
    """An export can't be written or an import can't be accepted; nothing was changed."""
