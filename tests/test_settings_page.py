"""docs/settings.md names every setting and every key, with its default, and nothing else."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from pocket_agent.config import Settings, load_settings
from pocket_agent.errors import ConfigError
from pocket_agent.keys import DEFAULT_KEYS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "settings.md").read_text("utf-8")


def rows(heading: str) -> dict[str, list[str]]:
    """The rows of the table with that first heading, by the name in their first cell."""
    table = PAGE.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    cells = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
    names = [row[0].strip("`") for row in cells]
    assert len(names) == len(set(names))
    return {name: row[1:] for name, row in zip(names, cells, strict=True)}


def value(cell: str) -> Any:
    """A default as the page gives it."""
    return None if cell == "none" else tomllib.loads(f"x = {cell.strip('`')}")["x"]


def test_every_setting_is_there_and_no_other() -> None:
    assert set(rows("setting")) == {field.name for field in fields(Settings)}


@pytest.mark.parametrize("field", fields(Settings), ids=lambda field: field.name)
def test_its_default_is_the_one_in_force(field: Any) -> None:
    usual = getattr(Settings(), field.name)
    told = value(rows("setting")[field.name][0])
    assert told == (None if usual == {} else usual)
    assert type(told) is type(usual) or told is None


def test_every_key_is_there_with_its_usual_one() -> None:
    assert {name: row[0].strip("`") for name, row in rows("action").items()} == DEFAULT_KEYS


def test_its_limits_and_its_example_are_true(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    path.write_text(example)
    assert load_settings(path).keys == {"regenerate": "f9"}
    for name, (_, may, _) in rows("setting").items():
        for told in re.findall(r'`("[^`]*"|true|false)`', may):
            path.write_text(f"{name} = {told}\n")
            load_settings(path)
        if limits := re.fullmatch(r"(\d+) to (\d+)", may):
            least, most = map(int, limits.groups())
            for number in (least, most):
                path.write_text(f"{name} = {number}\n")
                load_settings(path)
            for number in (least - 1, most + 1):
                path.write_text(f"{name} = {number}\n")
                with pytest.raises(ConfigError):
                    load_settings(path)


def test_the_readme_leads_to_it() -> None:
    assert "(docs/settings.md)" in (ROOT / "README.md").read_text("utf-8")
