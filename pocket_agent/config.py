"""What a person can choose once and for all: `config.toml` in the home folder.

A missing file means the defaults. The file belongs to the person: their comments and their order
stay when the program changes a setting.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from pocket_agent.errors import ConfigError
from pocket_agent.keys import DEFAULT_KEYS, wrong_key
from pocket_agent.whole_file import replacing

_HEADER = "Settings of Pocket Agent. What is not here has its default."
_MOST_TOKENS = 2**20


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings, checked.

    Args:
        profile: the profile in use where no other is named.
        model: name or path of the model; empty for the bundled one.
        policy_model: the model that learns from turns; empty for the bundled one with its trained
            policy, "chat" for whichever answers.
        gpu_layers: how many layers a GPU computes: "auto" for as many as fit, "all", or a number;
            0 for none.
        device: the GPU that computes them, as `doctor` calls it, or "cpu"; empty chooses.
        chat_tokens: size of the chat context.
        requantize: whether a slow model file may get a faster copy in the cache folder.
        learn: whether anything is remembered from turns.
        theme: name of the colours.
        glyphs: "ascii" draws no sign that a bare terminal lacks, "unicode" does; "auto" looks at
            the terminal and the locale.
        enter_sends: Enter sends and ctrl+j makes a new line; if not, the other way round.
        seed: makes replies repeatable; None draws a new one each time.
        threads: decode threads; 0 chooses.
        lock_after_minutes: an encrypted profile is locked again after so long without a key or the
            mouse; 0 for never.
        offer_encryption: whether the chat offers to encrypt a profile that is plain, or that it is
            about to make; a no switches it off.
        key_store: whether passphrases are looked for in the system's key store.
        candidates: "unsure" has what the policy is not sure enough of proposed for a yes or no;
            "off" drops it.
        ask: whether a reply may end with one short question, where the answer hangs on it.
        resume: the chat begins with the last conversation rather than a new one.
        when_full: what becomes of the oldest turns when the context is full: "drop" leaves them
            out, "summarise" has the model sum them up in idle time.
        panel: what is remembered stands beside the chat, where the terminal is wide enough.
        keys: keys of the chat that differ from the usual ones, by action (`keys.DEFAULT_KEYS`).
    """

    profile: str = "default"
    model: str = ""
    gpu_layers: int | Literal["auto", "all"] = "auto"
    chat_tokens: int = 4096
    requantize: bool = True
    learn: bool = True
    theme: str = "pocket"
    enter_sends: bool = True
    seed: int | None = None
    threads: int = 0
    lock_after_minutes: int = 15
    key_store: bool = False
    candidates: str = "off"
    offer_encryption: bool = True
    ask: bool = True
    policy_model: str = ""
    device: str = ""
    resume: bool = False
    when_full: str = "drop"
    panel: bool = False
    glyphs: str = "auto"
    keys: Mapping[str, str] = field(default_factory=dict)


def load_settings(path: Path) -> Settings:
    """Read and check the file; the defaults if there is none.

    Raises:
        ConfigError: it can't be read, is not TOML, or holds an unknown or unfit setting; the
            message names the line.
    """
    text = _read(path)
    return Settings() if text is None else _parse(text, path)


def save_settings(path: Path, changes: Mapping[str, Any]) -> Settings:
    """Change settings in the file, all at once or not at all. None takes a setting out.

    Args:
        changes: names and values of settings of `Settings`.

    Returns:
        The settings from now on.

    Raises:
        ConfigError: the file or a value is not valid, or the file can't be written.
        DiskFullError: there is no room.
    """
    import tomlkit

    text = _read(path)
    if text is not None:
        _parse(text, path)  # a broken file is reported, never written over
    document = tomlkit.parse(text) if text is not None else tomlkit.document()
    if text is None:
        document.add(tomlkit.comment(_HEADER))
    for name, value in changes.items():
        if value is not None:
            document[name] = value
        elif name in document:
            del document[name]
    return _write(path, tomlkit.dumps(document))


def _write(path: Path, text: str) -> Settings:
    settings = _parse(text, path)
    try:
        with replacing(path) as file:
            file.write(text.encode())
    except OSError as error:
        raise ConfigError(
            f"{path} can't be written ({error.strerror or error})", "Check the permissions."
        ) from error
    return settings


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(
            f"{path} can't be read ({error.strerror or error})", "Check the permissions."
        ) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}, line {line}: this is not UTF-8 text") from error


def _parse(text: str, path: Path) -> Settings:
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}", "Correct it by hand.") from error
    except RecursionError as error:
        raise ConfigError(f"{path} is nested too deeply", "Correct it by hand.") from error
    for name, value in values.items():
        rule = _RULES.get(name)
        if rule is None:
            known = ", ".join(_RULES)
            raise ConfigError(
                f"{_where(path, text, name)}: there is no setting {name!r}", f"Known: {known}."
            )
        if not rule.accepts(value):
            raise ConfigError(f"{_where(path, text, name)}: {name} must be {rule.wanted}")
    keys = values.get("keys", {})
    for action in sorted(keys, key=lambda action: action in DEFAULT_KEYS):
        if why := wrong_key(keys, action):
            raise ConfigError(f"{_where(path, text, action, 'keys')}: {why}")
    return Settings(**values)


def _where(path: Path, text: str, name: str, table: str = "") -> str:
    """The file and the line where a setting (or table) of that name begins."""
    start = _found(text, table, 0) or 0
    at = _found(text, name, start)
    if at is None:
        at = start if table else None
    return str(path) if at is None else f"{path}, line {text.count(chr(10), 0, at) + 1}"


def _found(text: str, name: str, start: int) -> int | None:
    plain = re.escape(name)
    line = re.compile(rf"^[ \t]*\[*[ \t]*(?:keys\.)?([\"']?){plain}\1[ \t]*[=.\]]", re.MULTILINE)
    found = line.search(text, start) if name else None
    return found.start() if found else None


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a setting may be, as a test and in words."""

    accepts: Callable[[Any], bool]
    wanted: str


def _whole(least: int, most: int) -> _Rule:
    return _Rule(lambda v: _is_whole(v, least, most), f"a whole number from {least} to {most}")


def _is_whole(value: Any, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most


_SWITCH = _Rule(lambda v: type(v) is bool, "true or false")
_TEXT = _Rule(lambda v: isinstance(v, str), "a text in quotes")
_NAME = _Rule(lambda v: isinstance(v, str) and v != "", "a name in quotes")
_LAYERS = _Rule(
    lambda v: v in ("auto", "all") or _is_whole(v, 0, 1024), '"auto", "all" or a whole number'
)

_RULES: dict[str, _Rule] = {
    "profile": _NAME,
    "model": _TEXT,
    "gpu_layers": _LAYERS,
    "device": _TEXT,
    "chat_tokens": _whole(256, _MOST_TOKENS),
    "requantize": _SWITCH,
    "learn": _SWITCH,
    "candidates": _Rule(lambda v: v in ("off", "unsure"), '"off" or "unsure"'),
    "ask": _SWITCH,
    "theme": _NAME,
    "glyphs": _Rule(lambda v: v in ("auto", "unicode", "ascii"), '"auto", "unicode" or "ascii"'),
    "enter_sends": _SWITCH,
    "when_full": _Rule(lambda v: v in ("drop", "summarise"), '"drop" or "summarise"'),
    "resume": _SWITCH,
    "panel": _SWITCH,
    "seed": _whole(0, 2**32 - 1),
    "threads": _whole(0, 1024),
    "lock_after_minutes": _whole(0, 7 * 24 * 60),
    "key_store": _SWITCH,
    "offer_encryption": _SWITCH,
    "policy_model": _TEXT,
    "keys": _Rule(lambda v: isinstance(v, dict), "a table of actions and keys"),
}
assert set(_RULES) == {field.name for field in fields(Settings)}
