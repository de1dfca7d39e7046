"""The status line tells everything there is room for."""

from dataclasses import replace

import pytest
from rich.cells import cell_len

from pocket_agent.llm.models import bundled_model
from pocket_agent.tui.backend import Readiness, Stage
from pocket_agent.tui.status import Status, rows

READY = Readiness(Stage.READY, "", None, "SmolLM2-135M-Instruct.Q4_1", "CPU, 1 thread", 4096)


def test_a_wide_line_holds_everything() -> None:
    status = Status(READY, "answering", used=512, rate=44.6)
    (row,) = rows(status, 90)
    assert len(row) == 90
    assert row.startswith("● answering")
    assert row.endswith("SmolLM2-135M-Instruct.Q4_1 · CPU, 1 thread · ctx 12% 512/4,096 · 45 tok/s")


def test_a_narrow_terminal_gets_two_rows() -> None:
    first, second = rows(Status(READY, "", used=2048, rate=44.6), 40)
    assert first == "○ ready · ctx 50% 2,048/4,096 · 45 tok/s"
    assert second == "SmolLM2-135M-Instruct.Q… · CPU, 1 thread"


@pytest.mark.parametrize("width", [80, 40])
@pytest.mark.parametrize("doing", ["", "answering", "learning"])
def test_the_bundled_model_and_its_device_stay_in_sight_after_a_reply(
    width: int, doing: str
) -> None:
    bundled = bundled_model()
    assert bundled is not None
    ready = replace(READY, model=bundled.stem)
    status = Status(ready, doing, used=1234, limit=4096, rate=44.6)
    shown = rows(status, width)
    assert len(shown) == (1 if width == 80 else 2)
    text = "\n".join(shown)
    assert "SmolLM2-135M" in text
    assert "CPU, 1 thread" in text
    assert "ctx 30%" in text
    assert "45 tok/s" in text


def test_the_device_goes_where_there_is_too_little_room() -> None:
    status = Status(READY, "preparing the model (only this once)", used=512, rate=44.6)
    (row,) = rows(status, 80)
    assert "CPU" not in row
    assert "ctx 12% 512/4,096 · 45 tok/s" in row


def test_loading_shows_how_far_it_is_and_what_waits() -> None:
    status = Status(Readiness(Stage.LOADING, "loading the model", 0.42), queued=2)
    assert rows(status, 80)[0].startswith("◌ loading the model 42% · 2 queued")
    assert rows(status, 30) == ["◌ loading the model 42%", "2 queued"]


@pytest.mark.parametrize(
    ("stage", "doing", "said"),
    [
        (Stage.OPENING, "", "◌ opening"),
        (Stage.READY, "", "○ ready"),
        (Stage.READY, "learning", "● learning"),
        (Stage.FAILED, "", "✗ no model"),
    ],
)
def test_each_state_reads_differently_without_colour(stage: Stage, doing: str, said: str) -> None:
    assert Status(Readiness(stage), doing).activity == said


@pytest.mark.parametrize("width", range(10, 120, 7))
def test_no_row_is_wider_than_the_terminal(width: int) -> None:
    wide = Readiness(Stage.READY, "", None, "千と千尋の神隠し-7B-指示", "显卡0, 31/31 layers", 4096)
    for readiness in (READY, wide):
        status = Status(readiness, "answering", used=4096, rate=123.4, queued=3)
        assert all(cell_len(row) <= width for row in rows(status, width))
        if width >= 64:
            assert (
                cell_len(rows(status, width)[0]) == width or "tok/s" not in rows(status, width)[0]
            )


@pytest.mark.parametrize("width", range(26, 130, 8))
@pytest.mark.parametrize("mode", ["", "incognito"])
def test_how_full_the_context_is_shows_at_every_width(width: int, mode: str) -> None:
    status = Status(READY, "preparing the model", used=4000, rate=123.4, queued=3, mode=mode)
    assert "ctx 98%" in "\n".join(rows(status, width))
