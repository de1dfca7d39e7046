"""Our own three themes; Textual brings the others."""

from collections.abc import Mapping

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

TERMINAL = Theme(
    name="terminal",
    ansi=True,
    primary="ansi_blue",
    secondary="ansi_cyan",
    accent="ansi_magenta",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    success="ansi_green",
    warning="ansi_magenta",
    error="ansi_red",
    dark=True,
    variables={
        "ansi-background": "ansi_default",
        "ansi-foreground": "ansi_default",
        "border-blurred": "ansi_default",
        "block-cursor-foreground": "ansi_default",
        "block-cursor-background": "ansi_default",
        "block-cursor-text-style": "reverse",
        "input-cursor-background": "ansi_default",
        "input-cursor-foreground": "ansi_default",
        "input-cursor-text-style": "reverse",
        "input-selection-background": "ansi_blue",
        "input-selection-foreground": "ansi_bright_white",
        "screen-selection-background": "ansi_blue",
        "screen-selection-foreground": "ansi_bright_white",
        "footer-key-foreground": "ansi_blue",
    },
)
"""The terminal's own palette: its sixteen colours and its ground, whether that is dark or light."""

OURS = (POCKET, POCKET_LIGHT, TERMINAL)

CODE_GROUND = "code-ground"
"""The variable that holds the tint that inline code stands on."""


def own_variables(theme: Theme, others: Mapping[str, str]) -> dict[str, str]:
    """Variables of ours for any theme.

    The sixteen colours of a terminal can't be mixed: a tint would be the colour of the text on it.

    Args:
        others: the variables that Textual makes of the theme.
    """
    return {CODE_GROUND: "transparent" if theme.ansi else others["warning"]}
