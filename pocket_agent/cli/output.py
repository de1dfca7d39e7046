"""What a command says: data on stdout, narration on stderr, nothing that could steer a terminal."""

import contextlib
import io
import json
import os
import sys
from typing import Any

from pocket_agent.errors import PocketAgentError

_GONE: dict[int, None] = dict.fromkeys(
    (
        *(code for code in range(0x20) if chr(code) not in "\n\t"),
        *range(0x7F, 0xA0),
        # Overrides of the writing direction make text read as what it is not.
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
        *range(0xD800, 0xE000),
    )
)
_ESCAPED = {code: f"\\u{code:04x}" for code in _GONE}


class ReaderGoneError(Exception):
    """Whoever read our output has seen enough."""


def plain(text: str) -> str:
    """The text without control characters, line breaks and tabs aside."""
    return text.translate(_GONE)


def one_line(text: str) -> str:
    """The text on one line, without control characters."""
    return plain(" ".join(text.split()))


def put(text: str) -> None:
    """Write a piece of text to stdout, to be seen at once."""
    _write(plain(text))
    flush()


def put_line(text: str) -> None:
    """Write one line of text to stdout."""
    _write(plain(text) + "\n")


def put_json(value: Any) -> None:
    """Write one line of JSON to stdout, to be seen at once."""
    _write(as_json(value) + "\n")
    flush()


def as_json(value: Any) -> str:
    """A value as one line of JSON that is safe to show: control characters are escaped."""
    return json.dumps(value, ensure_ascii=not _speaks_unicode()).translate(_ESCAPED)


def narrate(line: str) -> None:
    """Say something beside the data. Nobody listening is no failure."""
    narrate_text(one_line(line))


def narrate_text(text: str) -> None:
    """Say something of several lines beside the data."""
    if sys.stderr is None:  # closed by the shell; print would take stdout instead
        return
    with contextlib.suppress(OSError, ValueError):
        print(plain(text), file=sys.stderr, flush=True)


def flush() -> None:
    """See that what was written is out.

    Raises:
        ReaderGoneError: the pipe is closed. PocketAgentError: the output can't be written.
    """
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        raise _failed(error) from error


def soften() -> None:
    """Let characters that the terminal's encoding lacks come out as a question mark."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with contextlib.suppress(OSError, ValueError):
                stream.reconfigure(errors="replace")


def abandon() -> None:
    """Send the rest of the output nowhere, so that nothing complains when the program ends."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _write(text: str) -> None:
    try:
        if sys.stdout is not None:
            sys.stdout.write(text)
    except OSError as error:
        raise _failed(error) from error


def _failed(error: OSError) -> Exception:
    if isinstance(error, BrokenPipeError):
        return ReaderGoneError()
    return PocketAgentError(
        f"The output can't be written ({error.strerror or error})", "Send it elsewhere."
    )


def _speaks_unicode() -> bool:
    return (getattr(sys.stdout, "encoding", "") or "").lower().replace("-", "").startswith("utf")
