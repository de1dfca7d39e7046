"""What a terminal may send that Textual does not expect, and what it may lack."""

import codecs
from collections.abc import Mapping
from functools import partial


def forgive_bad_bytes() -> None:
    """Show bytes that are no UTF-8 as �.

    They come with a paste out of a file of another encoding; Textual 8.2 ends the app over the
    first one.
    """
    try:
        from textual.drivers import linux_driver
    except ImportError:  # Windows hands over text, not bytes
        return
    forgiving = partial(codecs.getincrementaldecoder("utf-8"), errors="replace")
    vars(linux_driver)["getincrementaldecoder"] = lambda _encoding: forgiving


def wants_ascii(setting: str, environment: Mapping[str, str]) -> bool:
    """Whether to keep to ASCII.

    Args:
        setting: "ascii", "unicode", or "auto": where the terminal is Linux's own console, whose
            font has no such signs, or the locale is not UTF-8.
        environment: the variables that tell of both.
    """
    if setting != "auto":
        return setting == "ascii"
    return environment.get("TERM") == "linux" or not _is_utf8(environment)


def _is_utf8(environment: Mapping[str, str]) -> bool:
    kind, language = (environment.get(name, "") for name in ("LC_CTYPE", "LANG"))
    if kind == "C.UTF-8" and language in ("C", "POSIX"):
        kind = ""  # Python itself puts that there
    named = environment.get("LC_ALL") or kind or language or "UTF-8"
    return "utf8" in named.lower().replace("-", "")
