"""`pocket-agent-train simulate`: files, checks, measurements, exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pocket_agent.profile.slots import BY_NAME
from pocket_agent.training.cli import main
from pocket_agent.training.records import read_records
from pocket_agent.training.simulator.command import as_json
from pocket_agent.training.simulator.conversation import simulate_people
from pocket_agent.training.simulator.loading import load_text
from pocket_agent.training.simulator.splits import SPLITS, build_deck

SAMPLE = Path(__file__).parent / "sample_text"


def simulate(out: Path, split: str = "train", seed: int = 1) -> int:
    options = ["--text", str(SAMPLE), "--people", "4", "--turns", "30"]
    return main(["simulate", *options, "--split", split, "--seed", str(seed), "--out", str(out)])


def test_the_file_is_read_back_as_it_was_made(tmp_path: Path, capsys):
    out = tmp_path / "new" / "train.jsonl"
    assert simulate(out) == 0
    assert "120 turns" in capsys.readouterr().err
    made = list(simulate_people(load_text(SAMPLE), "train", seed=1, people=4, turns=30))
    for line, read, record in zip(
        out.read_text("utf-8").splitlines(), read_records(out), made, strict=True
    ):
        assert json.loads(line) == as_json(record)
        assert read == type(read)(*(getattr(record, name) for name in read.__slots__))
    assert list(out.parent.iterdir()) == [out]


def test_turns_go_to_standard_output(capsys):
    assert main(["simulate", "--text", str(SAMPLE), "--people", "1", "--turns", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["turn_no"] for line in lines] == [1, 2, 3]
    assert set(json.loads(lines[0])) == {
        *("id", "person", "split", "session", "turn_no", "kind", "class"),
        *("profile", "assistant", "turn", "ops", "pattern"),
    }


def test_the_share_of_noise_is_as_asked(capsys):
    shares = []
    for noise in ("0", "0.9"):
        options = ["--people", "6", "--turns", "20", "--noise", noise]
        assert main(["simulate", "--text", str(SAMPLE), *options]) == 0
        kinds = [json.loads(line)["kind"] for line in capsys.readouterr().out.splitlines()]
        shares.append(kinds.count("noise") / len(kinds))
    assert shares[0] < 0.35 < 0.75 < shares[1]
    assert main(["simulate", "--text", str(SAMPLE), "--noise", "1.5"]) == 2
    assert "between 0 and 1" in capsys.readouterr().err


def test_check_lists_problems_and_fails(tmp_path: Path, capsys):
    assert main(["simulate", "--text", str(SAMPLE), "--check"]) == 0
    assert capsys.readouterr().out == ""
    (tmp_path / "slots").mkdir()
    (tmp_path / "slots/home.txt").write_text("== states\nI live in {city}\n", "utf-8")
    (tmp_path / "noise").mkdir()
    (tmp_path / "noise/request.txt").write_text("hello\n", "utf-8")
    assert main(["simulate", "--text", str(tmp_path), "--check"]) == 1
    assert capsys.readouterr().out == "slots/home.txt:2: states needs a bracket\n"


def test_variety_is_measured_within_and_across_files(tmp_path: Path, capsys):
    one, other = tmp_path / "train.jsonl", tmp_path / "test.jsonl"
    simulate(one)
    simulate(other, seed=2)
    capsys.readouterr()
    assert main(["simulate", "--variety", str(one), str(other)]) == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    row = found["files"][str(one)]
    assert row["turns"] == 120
    assert 0 < row["distinct_1"] < row["distinct_2"] < row["distinct_3"] <= 1
    assert 0 < row["neighbour"] < 1
    assert found["across"][0]["from"] == str(other)
    assert "| file | turns |" in told.err


def test_a_file_compared_with_itself_is_entirely_alike(tmp_path: Path, capsys):
    one, same = tmp_path / "one.jsonl", tmp_path / "same.jsonl"
    simulate(one)
    same.write_bytes(one.read_bytes())
    capsys.readouterr()
    main(["simulate", "--variety", str(one), str(same)])
    assert json.loads(capsys.readouterr().out)["across"][0]["neighbour"] == 1.0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--people", "0"], "at least 1"),
        (["--text", "nowhere"], "holds no text"),
        (["--variety", "nowhere.jsonl"], "can't be read"),
        (["--out", "/dev/null/x.jsonl"], "can't be written"),
    ],
)
def test_a_failure_is_one_line(arguments: list[str], says: str, capsys):
    text = [] if "--text" in arguments else ["--text", str(SAMPLE)]
    assert main(["simulate", *text, *arguments]) == 2
    told = capsys.readouterr().err
    assert told.startswith("pocket-agent-train: ")
    assert says in told
    assert len(told.splitlines()) == 1


def test_the_list_of_commands_imports_none_of_them():
    code = (
        "import sys\n"
        "from pocket_agent.training.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "heavy = {'torch', 'transformers', 'trl', 'pocket_agent.training.sft'}\n"
        "assert not heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "simulate" in done.stdout


def test_the_packaged_text_has_no_problems_and_serves_every_slot(capsys):
    assert main(["simulate", "--check"]) == 0, capsys.readouterr().out
    text = load_text()
    for split in SPLITS:
        told = {slot for slot, _ in build_deck(text, split).facts}
        assert told == set(BY_NAME)
