"""GRPO's options: file before default, command line before file, and what is refused."""

import argparse
from pathlib import Path

import pytest

from pocket_agent.errors import UsageError
from pocket_agent.training.cli import main
from pocket_agent.training.grpo_options import add_arguments, read_options

CONFIGS = Path(__file__).parents[2] / "pocket_agent" / "training" / "configs"
NEEDED = ["--data", "turns.jsonl", "--out", "run"]


def options(*given: str):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return read_options(parser.parse_args(given))


def test_the_command_line_goes_before_the_file_and_the_file_before_defaults(tmp_path: Path):
    file = tmp_path / "run.toml"
    file.write_text('prompts = 4\nrate = 1e-4\nstart = "sft/adapter"\ndata = ["a.jsonl"]\n')
    found = options("--config", str(file), "--out", "run", "--rate", "3e-5", "--keep-even")
    assert (found.prompts, found.rate, found.samples) == (4, 3e-5, 8)
    assert found.start == Path("sft/adapter")
    assert found.data == [Path("a.jsonl")]
    assert not found.skip_even
    assert found.pack


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_a_ready_configuration_is_valid(file: Path):
    found = options("--config", str(file), *NEEDED)
    assert found.prompts % found.accumulate == 0
    assert found.rollouts in file.read_text()


def test_there_is_one_for_each_kind_of_machine():
    assert {path.stem for path in CONFIGS.glob("*.toml")} == {
        "cpu",
        "one_gpu",
        "several_gpus",
        "vllm",
    }


def test_accelerate_reads_the_launch_file():
    from accelerate.commands.config.config_args import load_config_from_file

    found = load_config_from_file(str(CONFIGS / "several_gpus.yaml"))
    assert str(found.distributed_type).endswith("FSDP")
    assert found.fsdp_config["fsdp_version"] == 2


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--out", "run"], "needs --data"),
        ([*NEEDED, "--samples", "1"], "at least 2"),
        ([*NEEDED, "--prompts", "0"], "--prompts"),
        ([*NEEDED, "--prompts", "6", "--accumulate", "4"], "multiple"),
        ([*NEEDED, "--config", "nowhere.toml"], "can't be read"),
    ],
)
def test_what_can_t_be_run_is_refused(given: list[str], says: str, capsys):
    assert main(["grpo", *given]) == 2
    told = capsys.readouterr().err
    assert says in told
    assert len(told.splitlines()) == 1


def test_an_unknown_option_of_the_file_is_named(tmp_path: Path):
    (tmp_path / "run.toml").write_text("promts = 4\n")
    with pytest.raises(UsageError, match="promts"):
        options("--config", str(tmp_path / "run.toml"), *NEEDED)
