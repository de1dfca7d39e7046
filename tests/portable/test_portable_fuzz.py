"""A small slice of `python -m benchmarks.fuzz_import`, the same every time."""

from pathlib import Path

from benchmarks.fuzz_import import fuzz


def test_no_hostile_file_does_harm(tmp_path: Path) -> None:
    report = fuzz(tmp_path, count=300, seed=20261128)
    assert [words for words in report.failures if "of memory" not in words] == []
    assert report.outcomes["refused"] > 200
    assert report.outcomes["taken in"] > 5
