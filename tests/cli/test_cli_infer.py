"""`pocket-agent infer`: one line out for each line in."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cli_checks import heed_ctrl_c


def record(**fields: object) -> str:
    return (
        json.dumps({"id": "x", "profile": [], "assistant": "", "turn": "Hello.", **fields}) + "\n"
    )


@pytest.mark.slow
def test_each_line_gets_its_answer(run: Any) -> None:
    facts = [{"slot": "home", "value": "Leeds", "polarity": "+"}]
    lines = [
        record(id=1, turn="I live in Porto and I love ramen."),
        record(id={"any": "thing"}, profile=facts, turn="We moved to Porto."),
        record(turn="What is the capital of France?", assistant="Hi!"),
        record(turn=""),
        record(turn="[bold]\x1b[31m I like jazz"),
    ]
    said = run("infer", stdin="".join(lines))
    assert said.code == 0, said.err
    answers = [json.loads(line) for line in said.out.splitlines()]
    assert [answer["id"] for answer in answers] == [1, {"any": "thing"}, "x", "x", "x"]
    for line, answer in zip(lines, answers, strict=True):
        assert set(answer) == {"id", "ops", "ask"}
        turn = json.loads(line)["turn"]
        for op in answer["ops"]:
            assert op["op"] in ("add", "update", "remove", "none")
            assert op["polarity"] in ("+", "-")
            assert op["quote"] in turn
            assert ("old" in op) == (op["op"] == "update")
    assert answers[3]["ops"] == []


@pytest.mark.slow
def test_a_malformed_line_is_told_and_the_rest_goes_on(run: Any) -> None:
    bad = [
        b"not json\n",
        b"\n",
        b"[]\n",
        b"\xff\n",
        b'{"id": 5}\n',
        b'{"id": 6, "turn": 3}\n',
        b'{"id": 7, "turn": "hi", "profile": [{"slot": "shoe", "value": "44"}]}\n',
        b'{"id": 8, "turn": "hi", "profile": [{"slot": [], "value": "44"}]}\n',
        b'{"id": 9, "turn": "\\ud83d"}\n',
        b"[" * 100_000 + b"\n",
    ]
    good = record(id="last").rstrip("\n").encode()  # no line end: it is a line all the same
    said = run("infer", stdin=b"".join(bad) + good)
    answers = [json.loads(line) for line in said.out.splitlines()]
    assert said.code == 1
    assert len(answers) == len(bad) + 1
    assert all(set(answer) == {"id", "error"} for answer in answers[:-1])
    assert [answer["id"] for answer in answers] == [
        *([None] * 4), 5, 6, 7, 8, None, None, "last",
    ]  # fmt: skip
    told = [line for line in said.err.splitlines() if line.startswith("line ")]
    assert [line.split(":")[0] for line in told] == [f"line {n}" for n in range(1, 11)]
    assert "Traceback" not in said.err


@pytest.mark.slow
def test_nothing_in_nothing_out(run: Any) -> None:
    said = run("infer")
    assert (said.code, said.out) == (0, "")


@pytest.mark.slow
def test_answers_come_while_the_input_is_open_and_ctrl_c_ends_it(home: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "pocket_agent", "infer"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=heed_ctrl_c,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for number in (1, 2):
        process.stdin.write(record(id=number).encode())
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == number
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    assert process.stderr is not None
    assert b"Traceback" not in process.stderr.read()
    for stream in (process.stdin, process.stdout, process.stderr):
        stream.close()


@pytest.mark.slow
def test_no_profile_is_touched(run: Any, home: Path) -> None:
    run("infer", stdin=record())
    assert not list(home.glob("profiles/*"))
