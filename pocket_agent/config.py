"""What a person can choose once and for all: `config.toml` in the home folder.

A missing file means the defaults. The file belongs to the person: their comments and their order
stay when the program changes a setting.
"""

import contextlib
import os
import re
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pocket_agent.errors import ConfigError, DiskFullError
from pocket_agent.memory.faults_of_disk import is_full

_HEADER = "Settings of Pocket Agent. What is not here has its default."


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings, checked.

    Args:
        profile: the profile in use where no other is named.
        model: name or path of the model; empty for the bundled one.
        gpu_layers: "auto" for as many layers as fit, or how many; 0 for none.
        chat_tokens: size of the chat context.
        requantize: whether a slow model file may get a faster copy in the cache folder.
        learn: whether anything is remembered from turns.
        theme: name of the colours.
        enter_sends: Enter sends and ctrl+j makes a new line; if not, the other way round.
        seed: makes replies repeatable; None draws a new one each time.
        threads: decode threads; 0 chooses.
    """

    profile: str = "default"
    model: str = ""
    gpu_layers: int | str = "auto"
    chat_tokens: int = 4096
    requantize: bool = True
    learn: bool = True
    theme: str = "pocket"
    enter_sends: bool = True
    seed: int | None = None
    threads: int = 0
