"""What scripts rely on, whatever the command: options, streams, exit codes."""

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cli_checks import complaint

from pocket_agent import __version__
from pocket_agent.cli import main, output
from pocket_agent.cli.main import _COMMANDS, _parser
from pocket_agent.cli.opening import Narrator
from pocket_agent.errors import PocketAgentError, StoreError

HEAVY = ("textual", "torch", "llama_cpp", "apsw", "sentence_transformers", "asyncio", "tomlkit")


def test_help_imports_nothing_heavy(home: Path) -> None:
    script = (
        "import sys; from pocket_agent.cli import main; code = main(['--help']);"
        f"print([name for name in {HEAVY!r} if name in sys.modules], code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.endswith("[] 0\n")
    assert not home.exists()


def test_help_and_version(call: Any) -> None:
    listed = call("--help")
    assert listed.code == 0
    for name in ("ask", "profile", "memory", "infer", "models", "doctor", "bench"):
        assert re.search(rf"^ +{name} ", listed.out, re.MULTILINE), name
        assert call(name, "--help").code == 0
    assert "130" in listed.out
    for words in (("--version",), ("profile", "--version"), ("profile", "show", "--version")):
        assert call(*words).out == f"pocket-agent {__version__}\n"


@pytest.mark.parametrize("name", _COMMANDS)
def test_each_argument_of_each_command_is_explained(name: str) -> None:
    command = parts_of(_parser(name))[name]
    for part in [command, *parts_of(command).values()]:
        assert part.description, part.prog
        unexplained = [
            "/".join(action.option_strings) or action.dest
            for action in part._actions
            if not action.help and not isinstance(action, argparse._SubParsersAction)
        ]
        assert unexplained == [], part.prog


def parts_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parsers of the sub-commands, by name."""
    found = (a.choices for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    return {name: part for choices in found for name, part in choices.items()}


@pytest.mark.parametrize(
    "words",
    [
        ("frobnicate",),
        ("--frobnicate",),
        ("profile",),
        ("profile", "frobnicate"),
        ("profile", "use"),
        ("profile", "undo", "two"),
        ("memory", "search"),
        ("memory", "search", "sea", "-k", "0"),
        ("memory", "search", "sea", "-k", "many"),
        ("ask", "hi", "--max-tokens", "-3"),
        ("ask", "hi", "--profil", "x"),
        ("models", "add"),
        ("--profile",),
    ],
)
def test_wrong_usage(call: Any, home: Path, words: tuple[str, ...]) -> None:
    said = call(*words)
    assert said.code == 2
    assert said.out == ""
    assert said.err.startswith("usage: ")
    assert not home.exists()


def test_what_argparse_complains_of_cannot_steer_a_terminal(call: Any) -> None:
    said = call("profile", "show", "\x1b]0;owned\x07", "\x9b31m")
    assert said.code == 2
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", said.err)


@pytest.mark.parametrize(
    "words",
    [
        ("--home", "{}", "profile", "create", "work"),
        ("profile", "--home", "{}", "create", "work"),
        ("profile", "create", "work", "--home", "{}"),
        ("profile", "create", "--home={}", "work"),
    ],
)
def test_home_goes_anywhere(call: Any, tmp_path: Path, words: tuple[str, ...]) -> None:
    other = tmp_path / "other"
    said = call(*(word.format(other) for word in words))
    assert (said.code, said.out) == (0, "work\n")
    assert (other / "profiles" / "work.db").is_file()


def test_profile_goes_anywhere(call: Any) -> None:
    # The names are those of commands, which must not confuse the parser.
    for name in ("ask", "profile"):
        call("profile", "create", name)
        call("--profile", name, "profile", "set", "home", f"{name}-ville")
    for name in ("ask", "profile"):
        for words in (
            ("--profile", name, "profile", "show"),
            ("profile", "--profile", name, "show"),
            ("profile", "show", "--profile", name),
            ("--profile", "default", "profile", "show", "--profile", name),
        ):
            assert f"home: {name}-ville" in call(*words).out


def test_what_stands_before_the_command_counts(home: Path) -> None:
    from pocket_agent.cli.main import _command_of, _parser

    def parsed(*words: str) -> Any:
        return _parser(_command_of(list(words))).parse_args(words)

    for name in ("ask", "infer", "doctor", "bench"):
        assert parsed("--model", "x.gguf", name).model == "x.gguf"
        assert parsed(name, "--model", "y.gguf").model == "y.gguf"
        assert parsed("-m", "x.gguf", name, "-m", "y.gguf").model == "y.gguf"
        assert parsed(name).model == ""
        assert parsed("--no-requantize", name).no_requantize
        assert parsed("--gpu-layers", "all", name).gpu_layers == "all"
        assert parsed(name, "--gpu-layers", "12", "--device", "Vulkan0").gpu_layers == 12
        assert parsed("--device", "cpu", name).device == "cpu"
        assert (parsed(name).gpu_layers, parsed(name).device) == (None, "")
    assert parsed("--incognito", "ask", "hi").incognito
    assert parsed("ask", "hi", "--incognito").incognito
    assert not parsed("ask", "hi").incognito
    assert parsed("--blank", "ask", "hi").blank
    assert parsed("ask", "hi", "--blank").blank


@pytest.mark.parametrize("mode", ["--incognito", "--blank"])
def test_what_would_write_refuses_to_leave_no_trace(call: Any, home: Path, mode: str) -> None:
    for words in (("profile", "set", "home", "Porto"), ("profile", "show"), ("models", "list")):
        assert "for the chat and for ask" in complaint(call(mode, *words), 2)
    assert not home.exists()


def test_incognito_makes_no_profile_that_was_misspelt(call: Any, home: Path) -> None:
    from pocket_agent.cli.chat import tui_options
    from pocket_agent.cli.main import _parser

    assert "no profile 'nosuch'" in complaint(
        call("ask", "--incognito", "--profile", "nosuch", "hi")
    )
    arguments = _parser("").parse_args(["--incognito", "--profile", "nosuch"])
    with pytest.raises(StoreError, match="no profile 'nosuch'"):
        tui_options(arguments)
    assert not home.exists()


def test_every_command_can_be_run(home: Path) -> None:
    """Each leaf of the parser has its function, and one help line."""
    from pocket_agent.cli.main import _COMMANDS, _parser, _with_parts

    for name in _COMMANDS:
        command = next(
            part for part in _with_parts(_parser(name)) if part.prog == f"pocket-agent {name}"
        )
        leaves = [part for part in _with_parts(command) if not part._subparsers]
        assert leaves
        for leaf in leaves:
            assert callable(leaf.get_default("run")), leaf.prog
            assert leaf.description, leaf.prog


def test_a_home_that_cannot_be_used(call: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = call("--home", str(tmp_path / "file" / "home"), "profile", "show")
    assert "can't be used" in complaint(said)


def test_a_broken_config_is_told_with_its_line(call: Any, home: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text("# mine\nthreads = 'two'\n")
    for words in (("profile", "show"), ("ask", "hi"), ("infer",), ("models", "list")):
        assert "line 2: threads must be" in complaint(call(*words))


def test_a_profile_name_that_leaves_the_folder(call: Any, tmp_path: Path) -> None:
    for name in ("../x", "a/b", "", "x" * 65, ".hidden", "new\nline"):
        assert "can't be a profile's name" in complaint(call("profile", "create", name), 2)
    assert not list(tmp_path.glob("**/x.db"))


def test_an_unexpected_error_is_one_line(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from pocket_agent.cli import profile

    def broken(_arguments: object) -> int:
        raise RuntimeError("two\nlines \x1b[31m")

    monkeypatch.setattr(profile, "_list", broken)
    said = call("profile", "list")
    assert said.code == 1
    assert said.err == (
        "pocket-agent: unexpected error: RuntimeError: two lines [31m. "
        "POCKET_AGENT_DEBUG=1 shows where.\n"
    )
    monkeypatch.setenv("POCKET_AGENT_DEBUG", "1")
    with pytest.raises(RuntimeError):
        main(["profile", "list"])


def test_an_interrupt_is_130(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from pocket_agent.cli import profile

    def interrupted(_arguments: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(profile, "_list", interrupted)
    assert call("profile", "list") == type(call("--version"))(130, "", "")


def test_the_chat_needs_a_terminal(run: Any) -> None:
    assert "needs a terminal" in complaint(run(), 2)


# --- streams --------------------------------------------------------------------------------


def test_a_reader_that_leaves_is_no_failure(run: Any, home: Path) -> None:
    run("profile", "set", "home", "Porto")
    for words in ("profile show", "profile history --json", "--help", "models list"):
        script = f"{sys.executable} -m pocket_agent {words}"
        done = subprocess.run(
            ["bash", "-c", f"{script} | exec 0<&-; exit ${{PIPESTATUS[0]}}"],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device here")
def test_an_output_that_is_full_is_told(run: Any, home: Path) -> None:
    run("profile", "set", "home", "Porto")
    for words in ("profile show", "profile show --json"):
        done = subprocess.run(
            ["bash", "-c", f"{sys.executable} -m pocket_agent {words} > /dev/full"],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 1
        assert done.stderr == (
            "pocket-agent: The output can't be written (No space left on device). "
            "Send it elsewhere.\n"
        )


def test_an_encoding_without_our_letters(run: Any) -> None:
    run("profile", "set", "home", "Zürich ☕")
    poor = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    assert "home: Z?rich ?" in run("profile", "show", **poor).out
    facts = json.loads(run("profile", "show", "--json", **poor).out)
    assert facts[0]["value"] == "Zürich ☕"


def test_control_characters_never_reach_the_terminal(run: Any) -> None:
    wicked = "\x1b[31mred\x1b]0;title\x07 [bold]x[/bold] \x9b5m \u202eabc"
    assert run("profile", "set", "other", wicked).code == 0
    for words in (("show",), ("history",)):
        shown = run("profile", *words).out
        assert "[31mred]0;title [bold]x[/bold] 5m abc" in shown
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown)
    raw = run("profile", "show", "--json").out
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", raw)
    assert json.loads(raw)[0]["value"] == wicked


def test_words_that_are_no_text(run: Any) -> None:
    """Bytes of a shell that are not UTF-8 are replaced; nothing breaks."""
    done = subprocess.run(
        [sys.executable, "-m", "pocket_agent", "profile", "set", "home", b"Z\xfcrich"],
        capture_output=True,
        timeout=60,
        env=os.environ,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(run("profile", "show", "--json").out)[0]["value"] == "Z\ufffdrich"


def test_what_is_printed_as_it_comes(capsys: pytest.CaptureFixture[str]) -> None:
    for piece in ("one\x1b", "[31m two\r\n", "\tthree\x00\u2066"):
        output.put(piece)
    assert capsys.readouterr().out == "one[31m two\n\tthree"
    output.narrate("a\nb\x1b[1mc")
    assert capsys.readouterr().err == "a b[1mc\n"


@pytest.mark.parametrize(("closed", "words"), [("2>&-", "set home Porto"), (">&-", "show")])
def test_streams_that_are_closed(run: Any, home: Path, closed: str, words: str) -> None:
    run("profile", "set", "food", "ramen")
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m pocket_agent profile {words} {closed}"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_step_is_told_once_and_its_units_keep_their_letters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    narrator = Narrator()
    for done in (0.0, 1.0):
        narrator("Too little disk space for a faster copy (0.4 GiB)", done)
    assert capsys.readouterr().err == "too little disk space for a faster copy (0.4 GiB)\n"


def test_errors_are_all_told_in_one_line() -> None:
    assert str(PocketAgentError("It broke", "Mend it.")) == "It broke. Mend it."
