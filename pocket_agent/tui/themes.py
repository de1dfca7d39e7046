"""Our own two themes; Textual brings the others."""

from textual.theme import Theme

POCKET = Theme(
    name="pocket",
    primary="#7fb7a6",
    secondary="#8aa4c8",
    accent="#e0b172",
    foreground="#dcdfe2",
    background="#14171a",
    surface="#1a1e22",
    panel="#22272c",
    success="#8fbf7f",
    warning="#e0b172",
    error="#d8777f",
    dark=True,
    variables={"footer-key-foreground": "#7fb7a6", "block-cursor-text-style": "none"},
)

POCKET_LIGHT = Theme(
    name="pocket-light",
    primary="#24705c",
    secondary="#3b5f92",
    accent="#8f5a0a",
    foreground="#1d2226",
    background="#fbfaf7",
    surface="#f2f0ea",
    panel="#e7e4dc",
    success="#2f6f2a",
    warning="#8f5a0a",
    error="#a8323c",
    dark=False,
    variables={"footer-key-foreground": "#24705c", "block-cursor-text-style": "none"},
)

OURS = (POCKET, POCKET_LIGHT)
