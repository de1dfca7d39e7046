"""The keys of the chat that a person may change, and which may take their place. Plain data."""

import re
from collections.abc import Mapping

DEFAULT_KEYS: dict[str, str] = {
    "help": "f1",
    "profile": "f2",
    "sessions": "f3",
    "context": "f4",
    "sources": "f5",
    "find": "f6",
    "panel": "f7",
    "new": "ctrl+n",
    "stop": "escape",
    "regenerate": "ctrl+r",
    "continue": "ctrl+g",
    "edit": "alt+up",
    "earlier": "alt+left",
    "later": "alt+right",
    "back": "ctrl+b",
    "code": "ctrl+t",
    "editor": "ctrl+o",
    "undo": "ctrl+u",
    "page_up": "pageup",
    "page_down": "pagedown",
    "line_up": "ctrl+up",
    "line_down": "ctrl+down",
    "end": "ctrl+end",
    "quit": "ctrl+q",
}
"""Actions and their keys, under the names that `[keys]` of the settings gives them."""

_NAMED = "escape|insert|pageup|pagedown|home|end|up|down|left|right|delete|backspace|space"
_KEY = re.compile(rf"(?:(?:ctrl|alt|shift|super)\+)*(?:f(?:[1-9]|1\d|2[0-4])|{_NAMED}|[a-z0-9])")
_ALONE = re.compile(r"(?:shift\+)?(?:f\d+|escape|insert|pageup|pagedown)")
"""Keys that write nothing, and so may stand without ctrl or alt."""
_WRITING = frozenset(("ctrl+c", "ctrl+h", "ctrl+i", "ctrl+j", "ctrl+m", "ctrl+p"))
"""Copying, the palette, and what a terminal can't tell from Enter, Tab or Backspace."""
_SHOWN = {
    "enter": "Enter",
    "escape": "Esc",
    "pageup": "PageUp",
    "pagedown": "PageDown",
    "up": "Up",
    "down": "Down",
    "left": "Left",
    "right": "Right",
    "end": "End",
    "tab": "Tab",
    "delete": "Delete",
    "slash": "/",
}


def key_name(key: str) -> str:
    """A key as it is printed on a keyboard: `ctrl+j`, `PageUp`, `F1`."""
    if re.fullmatch(r"f\d+", key):
        return key.upper()
    return "+".join(_SHOWN.get(part, part) for part in key.split("+"))


def in_force(changed: Mapping[str, str]) -> dict[str, str]:
    """The keys of all actions, with those that a person changed."""
    return DEFAULT_KEYS | dict(changed)


def key_for(action: str, keys: Mapping[str, str], otherwise: str = "") -> str:
    """The key of an action as it is printed: what every hint and the help tell.

    Args:
        keys: those in force, or only those that were changed.
        otherwise: the key where the action has none that can be changed.
    """
    return key_name(keys.get(action) or DEFAULT_KEYS.get(action, otherwise))


def wrong_key(changed: Mapping[str, object], action: str) -> str:
    """What is wrong with the key that a person gave an action; empty if nothing is."""
    key = changed[action]
    if action not in DEFAULT_KEYS:
        return f"there is no action {action!r}; there are {', '.join(DEFAULT_KEYS)}"
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        return f"{key!r} is no key; keys are written like ctrl+g, alt+up, f9"
    if key in _WRITING or not ("ctrl+" in key or "alt+" in key or _ALONE.fullmatch(key)):
        return f"{key} is needed for writing; take one with ctrl or alt, or a function key"
    others = {a: k for a, k in (DEFAULT_KEYS | dict(changed)).items() if a != action}
    taken = next((other for other, held in others.items() if held == key), None)
    return f"{key} is the key of {taken} already" if taken else ""
