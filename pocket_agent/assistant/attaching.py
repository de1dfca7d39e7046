"""Text files that go with a message: read, checked, and told apart from the person's own words."""

import re
import stat
from pathlib import Path

from pocket_agent.errors import UsageError

_BYTES_A_TOKEN = 16
"""More than any text has: a larger file need not be counted to know that it does not fit."""
_TICKS = re.compile("`+")
_BLOCK = re.compile(
    r"\n\nAttached file [^\n]+:\n(`{3,})\n.*?\n\1(?=\n\nAttached file |\Z)", re.DOTALL
)


def read_text_file(name: str, room: int) -> tuple[str, str]:
    """Read a file that is to go with a message.

    Args:
        name: its path as it was typed. room: tokens that fit.

    Returns:
        Its name without folders, and its text.

    Raises:
        UsageError: it is not there, no plain file, no text, or far too large.
    """
    path = Path(name.strip("\"'")).expanduser()
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise UsageError(f"{path} is not a plain file", "Name a text file.")
        if about.st_size > room * _BYTES_A_TOKEN:
            raise too_large(path.name, about.st_size // _BYTES_A_TOKEN, room, "over ")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{path} can't be read ({why})", "Name a text file.") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise UsageError(f"{path} is not UTF-8 text", "Only text files can be attached.")
    if not text.strip():
        raise UsageError(f"{path} is empty")
    return path.name, text.replace("\r\n", "\n").rstrip("\n")


def too_large(name: str, tokens: int, room: int, about: str = "about ") -> UsageError:
    """The refusal of what does not fit."""
    return UsageError(
        f"{name} would make the message {about}{tokens:,} tokens, and {room:,} fit",
        "Attach a part of it, or choose a model with a larger context.",
    )


def attached(name: str, text: str) -> str:
    """A file as it stands behind a message."""
    ticks = "`" * max(3, 1 + max(map(len, _TICKS.findall(text)), default=0))
    return f"\n\nAttached file {' '.join(name.split())}:\n{ticks}\n{text}\n{ticks}"


def own_words(message: str) -> str:
    """A message without the files that go with it: nobody says of himself what stands in a file."""
    return _BLOCK.sub("", f"\n\n{message}").strip("\n") if "Attached file" in message else message
