"""config.toml: read, checked, changed without loss."""

import json
import stat
from dataclasses import asdict
from pathlib import Path

import pytest

from pocket_agent.config import Settings, load_settings, save_settings
from pocket_agent.errors import ConfigError, PocketAgentError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def complaint(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_missing_file_means_the_defaults(path: Path) -> None:
    assert load_settings(path) == Settings()
    assert Settings().gpu_layers == "auto"


def test_every_setting_is_read(path: Path) -> None:
    wanted = {
        "profile": "work",
        "model": "tiny",
        "gpu_layers": 12,
        "chat_tokens": 2048,
        "requantize": False,
        "learn": False,
        "theme": "nord",
        "enter_sends": False,
        "seed": 7,
        "threads": 2,
        "lock_after_minutes": 5,
        "key_store": True,
        "candidates": "unsure",
        "offer_encryption": False,
        "ask": False,
        "policy_model": "chat",
        "device": "Vulkan0",
        "resume": True,
        "when_full": "summarise",
        "panel": True,
        "glyphs": "ascii",
    }
    plain = "".join(f"{name} = {json.dumps(value)}\n" for name, value in wanted.items())
    path.write_text(f'{plain}[keys]\nregenerate = "f9"\n')
    assert asdict(load_settings(path)) == {**wanted, "keys": {"regenerate": "f9"}}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('colour = "red"', "line 3: there is no setting 'colour'"),
        ("[profile]\nname = 'x'", "line 3: profile must be a name in quotes"),
        ("profile.name = 'x'", "line 3: profile must be a name in quotes"),
        ("chat_tokens = '4096'", "line 3: chat_tokens must be a whole number from 256"),
        ("chat_tokens = 12", "line 3: chat_tokens must be a whole number from 256"),
        ("threads = true", "line 3: threads must be a whole number"),
        ("learn = 1", "line 3: learn must be true or false"),
        ("gpu_layers = 'many'", 'line 3: gpu_layers must be "auto", "all" or a whole number'),
        ("seed = -1", "line 3: seed must be a whole number from 0"),
        ('profile = ""', "line 3: profile must be a name in quotes"),
        ("when_full = 'forget'", 'line 3: when_full must be "drop" or "summarise"'),
        ("candidates = 'all'", 'line 3: candidates must be "off" or "unsure"'),
        ('"seed" = 1.5', "line 3: seed must be"),
        ("learn = yes", "at line 3"),
        ("learn = true\nlearn = false", "at line 4"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(path: Path, line: str, words: str) -> None:
    path.write_text(f"# mine\ntheme = 'pocket'\n{line}\n")
    assert words in complaint(path)


def test_files_that_can_not_be_read(path: Path) -> None:
    path.write_bytes(b"theme = 'pocket'\nmodel = '\xff'\n")
    assert "line 2: this is not UTF-8" in complaint(path)
    path.write_text("model = " + "[" * 100_000)
    complaint(path)
    path.unlink()
    path.mkdir()
    assert "can't be read" in complaint(path)


def test_a_change_keeps_comments_and_order(path: Path) -> None:
    path.write_text('# mine\ntheme = "nord"  # quiet\n\nseed = 3\nprofile = "a"\n')
    changed = save_settings(path, {"profile": "b", "learn": False, "seed": None})
    assert changed == Settings(profile="b", theme="nord", learn=False) == load_settings(path)
    assert path.read_text() == '# mine\ntheme = "nord"  # quiet\n\nprofile = "b"\nlearn = false\n'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["config.toml"]


def test_a_new_file_says_what_it_is(path: Path) -> None:
    save_settings(path, {"profile": "b"})
    assert path.read_text().startswith("# Settings of Pocket Agent")
    assert load_settings(path).profile == "b"


def test_an_unfit_change_leaves_the_file(path: Path) -> None:
    path.write_text("seed = 3\n")
    for changes in ({"threads": "two"}, {"colour": "red"}):
        with pytest.raises(ConfigError):
            save_settings(path, changes)
    assert path.read_text() == "seed = 3\n"


def test_a_broken_file_is_never_written_over(path: Path) -> None:
    path.write_text("seed = \n")
    with pytest.raises(ConfigError):
        save_settings(path, {"profile": "b"})
    assert path.read_text() == "seed = \n"


def test_a_place_that_can_not_be_written(tmp_path: Path) -> None:
    with pytest.raises(PocketAgentError, match="can't be written"):
        save_settings(tmp_path / "missing" / "config.toml", {"profile": "b"})


def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.toml"
    real.write_text("seed = 3\n")
    path.symlink_to(real)
    save_settings(path, {"seed": 4})
    assert path.is_symlink()
    assert real.read_text() == "seed = 4\n"


def test_keys_are_read(path: Path) -> None:
    path.write_text('[keys]\nregenerate = "f9"\nstop = "ctrl+g"\ncontinue = "ctrl+r"\n')
    assert load_settings(path).keys == {
        "regenerate": "f9",
        "stop": "ctrl+g",
        "continue": "ctrl+r",
    }
    path.write_text('keys.regenerate = "f9"\n')
    assert load_settings(path).keys == {"regenerate": "f9"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('fly = "f9"', "line 5: there is no action 'fly'"),
        ('profile = "hyper+x"', "line 5: 'hyper+x' is no key"),
        ('profile = ""', "line 5: '' is no key"),
        ("profile = 7", "line 5: 7 is no key"),
        ('profile = "x"', "line 5: x is needed for writing"),
        ('profile = "ctrl+j"', "line 5: ctrl+j is needed for writing"),
        ('profile = "ctrl+n"', "line 5: ctrl+n is the key of new already"),
    ],
)
def test_a_key_that_can_not_be_is_refused_with_its_line(path: Path, line: str, words: str) -> None:
    path.write_text(f'profile = "home"\n\n[keys]\nundo = "f9"\n{line}\n')
    assert words in complaint(path)
