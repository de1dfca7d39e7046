"""The catalogue is whole, and what fits is judged by the file's own numbers."""

import json
import re
import time
from pathlib import Path

import pytest
from gguf_files import gguf, model_values, u32

from pocket_agent.llm import calibration
from pocket_agent.llm.calibration import Calibration, known
from pocket_agent.llm.catalogue import catalogue, find
from pocket_agent.llm.fitting import Fit, Memory, cache_of, judge, look, need
from pocket_agent.llm.gguf_header import check_model
from pocket_agent.llm.hub import order_for
from pocket_agent.llm.models import BUNDLED, ModelShelf, bundled_model
from pocket_agent.llm.offers import offers
from pocket_agent.paths import Locations

GB = 10**9


def test_every_entry_is_whole_and_can_be_pulled(locations: Locations) -> None:
    shelf, models = ModelShelf(locations), catalogue()
    assert len({model.name for model in models}) == len(models) >= 12
    assert BUNDLED not in {model.name for model in models}
    assert [m.likely_size for m in models] == sorted(m.likely_size for m in models)
    for model in models:
        assert find(model.name) is model
        order = order_for(shelf, model.name)
        assert (order.repo, order.file) == (model.repo, model.file)
        assert order_for(shelf, f"{model.repo}/{model.file}").what == order.what
        assert re.fullmatch(r"(|[0-9a-f]{64})", model.sha256)
        assert re.fullmatch(r"[\d.]+[MB]", model.parameters)
        assert model.licence
        assert model.prompt
        assert model.about
        assert model.context >= 8192
        assert 10_000 < model.cache < 250_000
        weights = float(model.parameters[:-1]) * (10**9 if model.parameters[-1] == "B" else 10**6)
        assert 0.5 < model.likely_size / weights < 1.4, "bytes a weight"


def test_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = look()
    assert memory is not None
    assert 0 < memory.available <= memory.total


def test_what_fits() -> None:
    memory = Memory(total=16 * GB, available=4 * GB)
    assert judge(3 * GB, memory) is Fit.FITS
    assert judge(8 * GB, memory) is Fit.TIGHT
    assert judge(15 * GB, memory) is Fit.TOO_BIG
    assert judge(3 * GB, None) is judge(0, memory) is Fit.UNKNOWN
    assert need(GB, 100_000, 4096) > GB + 4096 * 100_000


def test_the_cache_of_a_file_is_read_from_its_header(tmp_path: Path) -> None:
    path = bundled_model()
    assert path is not None
    assert cache_of(check_model(path)) == 23040
    odd = tmp_path / "odd.gguf"
    odd.write_bytes(gguf(model_values(llama__attention__head_count=u32(0))))
    assert cache_of(check_model(odd)) == 2 * 1 * (64 + 64) * 2


def test_offers_are_those_here_and_those_to_pull(locations: Locations) -> None:
    memory, speed = Memory(8 * GB, 3 * GB), Calibration(20 * GB, "CPU", "")
    found = {offer.name: offer for offer in offers(ModelShelf(locations), 4096, memory, speed)}
    assert next(iter(found)) == BUNDLED
    assert found[BUNDLED].here
    assert found[BUNDLED].chosen
    four = found["qwen3-4b-instruct-2507"]
    assert (four.here, four.fit) == (False, Fit.TIGHT)
    assert 7 < four.tokens_s < 9
    assert found["llama-3.1-8b-instruct"].fit is Fit.TIGHT
    blind = offers(ModelShelf(locations), 4096, None, None)
    assert {offer.fit for offer in blind} == {Fit.UNKNOWN}
    assert {offer.tokens_s for offer in blind} == {0.0}


def test_a_model_here_that_is_gone_or_broken_is_shown_as_such(
    locations: Locations, tmp_path: Path
) -> None:
    (tmp_path / "bad.gguf").write_text("no model")
    records = [
        {"name": name, "path": str(tmp_path / f"{name}.gguf"), "size": 1, "sha256": "0" * 64}
        for name in ("gone", "bad")
    ]
    listed = json.dumps({"use": "", "models": records})
    (locations.models / "models.json").write_text(listed)
    found = {o.name: o for o in offers(ModelShelf(locations), 4096, look(), None)}
    assert "no model file" in found["gone"].broken
    assert "not a GGUF file" in found["bad"].broken


def test_a_measurement_holds_for_what_it_was_made_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert known(tmp_path, -1, 0) is None
    made = Calibration(1e9, "CPU", calibration._key(-1, 0))
    file = tmp_path / "speed.json"
    for text in ("", "[]", "{}", '{"bytes_s": "x", "device": "", "key": ""}'):
        file.write_text(text)
        assert known(tmp_path, -1, 0) is None
    file.write_text(json.dumps({"bytes_s": 1e9, "device": "CPU", "key": made.key}))
    assert known(tmp_path, -1, 0) == made
    assert known(tmp_path, 0, 0) is None
    assert known(tmp_path, -1, 2) is None
    later = time.time() + 60 * 24 * 3600
    monkeypatch.setattr(time, "time", lambda: later)
    assert known(tmp_path, -1, 0) is None


@pytest.mark.slow
async def test_the_bundled_model_is_measured_and_noted(
    locations: Locations, tmp_path: Path
) -> None:
    shelf = ModelShelf(locations)
    made = await calibration.calibrate(shelf, tmp_path, 0, 1, keep=False)
    assert made.bytes_s > 0
    assert "CPU" in made.device
    assert made.tokens_s(int(made.bytes_s)) == pytest.approx(1.0)
    assert not (tmp_path / "speed.json").exists()
    await calibration.calibrate(shelf, tmp_path, 0, 1)
    assert known(tmp_path, 0, 1) is not None
