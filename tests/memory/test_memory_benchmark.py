"""`python -m benchmarks.recall` as a person or a script runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TURNS = [
    {"store": "a", "id": "1", "session": "s", "role": "user", "text": "My cat is called Moss"},
    {"store": "a", "id": "2", "session": "s", "role": "assistant", "text": "A fine name"},
    {"store": "b", "id": "1", "session": "s", "role": "user", "text": "I play the bassoon"},
]
QUESTIONS = [
    {"id": "q1", "store": "a", "query": "What is my cat called?", "gold": ["1"], "kind": "name"},
    {"id": "q2", "store": "b", "query": "When did we fly?", "gold": ["1"], "kind": "date"},
]


def run(*options: str, module: str = "recall") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"benchmarks.{module}", *options]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False
    )


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    return path


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, ...]:
    turns = write(tmp_path / "t.jsonl", TURNS)
    questions = write(tmp_path / "q.jsonl", QUESTIONS)
    return ("--turns", str(turns), "--questions", str(questions))


def test_it_reports_recall_and_milliseconds(files: tuple[str, ...], tmp_path: Path) -> None:
    answers = tmp_path / "answers.jsonl"
    done = run(*files, "-k", "1,3", "--mode", "words", "--json", "--answers", str(answers))
    assert done.returncode == 0, done.stderr
    words = json.loads(done.stdout)["modes"]["words"]
    assert (words["questions"], words["recall@1"], words["recall@3"]) == (2, 0.5, 0.5)
    assert words["kinds"]["name"]["recall@1"] == 1.0
    assert words["kinds"]["date"]["recall@1"] == 0.0
    assert words["search_ms"] > 0
    assert json.loads(answers.read_text().splitlines()[0])["found"][0] == "1"


def test_it_prints_a_table(files: tuple[str, ...]) -> None:
    done = run(*files, "--mode", "words")
    assert done.returncode == 0
    assert "recall@5" in done.stdout
    assert "ms a question" in done.stdout


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("t.jsonl", "not json\n", "line 1: not a JSON object"),
        ("t.jsonl", "[1]\n", "line 1: not a JSON object"),
        ("t.jsonl", '{"id": "1"}\n', "line 1: session, role, text missing"),
        ("t.jsonl", '{"id": 1, "session": 1, "role": "king", "text": ""}\n', "no role 'king'"),
        ("q.jsonl", "", "holds no question"),
        ("q.jsonl", '{"id": 1, "store": "a", "query": "x", "gold": ["77"]}\n', "not among"),
    ],
)
def test_bad_input_is_told(
    files: tuple[str, ...], tmp_path: Path, file: str, text: str, words: str
) -> None:
    (tmp_path / file).write_text(text)
    done = run(*files, "--mode", "words")
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_turns_twice_and_missing_files_are_told(files: tuple[str, ...], tmp_path: Path) -> None:
    write(tmp_path / "t.jsonl", [*TURNS, TURNS[0]])
    twice = run(*files, "--mode", "words")
    assert (twice.returncode, "already stored" in twice.stderr) == (1, True)
    missing = run("--turns", str(tmp_path / "none"), "--mode", "words")
    assert (missing.returncode, "can't be read" in missing.stderr) == (2, True)


@pytest.mark.slow
def test_the_small_set_is_remembered() -> None:
    done = run("--json", "--processes", "1")
    assert done.returncode == 0, done.stderr
    modes = json.loads(done.stdout)["modes"]
    combined = modes["combined"]
    assert combined["questions"] >= 60
    assert combined["recall@10"] >= 0.85
    assert combined["recall@10"] > modes["words"]["recall@10"]
    assert combined["recall@5"] > modes["dense"]["recall@5"]
    assert combined["kinds"]["preference"]["recall@10"] >= 0.75


@pytest.mark.slow
def test_ten_thousand_turns_are_searched() -> None:
    done = run("--json", module="recall_speed")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["turns"] == 10_000
    assert 0 < found["median_ms"] < 1_000  # generous: the machine that tests is shared
