"""What keeps words out of places where nobody looks for them: other eyes, crash files, children."""

import contextlib
import os

PASSPHRASE, NEW_PASSPHRASE = "POCKET_AGENT_PASSPHRASE", "POCKET_AGENT_NEW_PASSPHRASE"
FILE_PASSPHRASE = "POCKET_AGENT_FILE_PASSPHRASE"  # noqa: S105, the name of a variable
_taken: dict[str, str] = {}


def close_to_others() -> None:
    """From now on, files are made for their owner alone, and a crash leaves no picture of memory.

    For the whole process and its children; called once, before anything is opened.
    """
    if os.name != "posix":
        return
    os.umask(0o077)
    import resource

    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def take_passphrases() -> None:
    """Take passphrases out of the environment, so that no child gets to see them."""
    for name in (PASSPHRASE, NEW_PASSPHRASE, FILE_PASSPHRASE):
        if (value := os.environ.pop(name, None)) is not None:
            _taken[name] = value


def passphrase_from_environment(name: str = PASSPHRASE) -> str | None:
    """The passphrase that the environment held at the start, or holds."""
    return os.environ.get(name, _taken.get(name))
