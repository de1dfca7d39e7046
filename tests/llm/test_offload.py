"""What fits on a device is arithmetic with laws; what is there is asked of the real llama.cpp."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gguf_files import gguf, model_values, string, tensor, u32
from hypothesis import given
from hypothesis import strategies as st

from pocket_agent.errors import ModelError
from pocket_agent.llm import engine as engine_module
from pocket_agent.llm import wire
from pocket_agent.llm.child_process import ChildProcess
from pocket_agent.llm.engine import LlamaEngine, look_around
from pocket_agent.llm.gguf_header import check_model
from pocket_agent.llm.models import ModelShelf, bundled_model
from pocket_agent.llm.offload import (
    Device,
    Placement,
    budget,
    choose_devices,
    fit,
    offloaders,
    place,
    retreats,
)
from pocket_agent.llm.protocol import (
    ContextName,
    LoadSpec,
    Message,
    ModelInfo,
    Progress,
    Request,
    Role,
)
from pocket_agent.llm.weights import Footprint, footprint

MIB, GIB = 2**20, 2**30
CPU = Device("CPU", "a processor", "CPU", "cpu", 16 * GIB, 16 * GIB)
CARD = Device("CUDA0", "a card", "CUDA", "gpu", 8 * GIB, 8 * GIB)
SHARED = Device("Vulkan0", "a laptop's", "Vulkan", "igpu", 4 * GIB, 4 * GIB)
MODEL = Footprint((100 * MIB,) * 4, 50 * MIB, (1024,) * 4, 10 * MIB)
TOKENS = (4096, 2048)

bytes_ = st.integers(0, 2**36)
models = st.integers(1, 40).flatmap(
    lambda count: st.builds(
        Footprint,
        st.tuples(*[bytes_] * count),
        bytes_,
        st.tuples(*[st.integers(0, 2**18)] * count),
        bytes_,
    )
)
contexts = st.lists(st.integers(1, 2**17), min_size=1, max_size=2)
budgets = st.lists(st.integers(0, 2**38), min_size=1, max_size=4)


@given(models, contexts, budgets)
def test_what_is_said_to_fit_fits(model: Footprint, tokens: list[int], rooms: list[int]) -> None:
    shares = fit(model, tokens, rooms)
    sizes = model.last(sum(shares), sum(tokens))
    assert len(shares) == len(rooms)
    for room, share in zip(rooms, shares, strict=True):
        taken, sizes = sizes[:share], sizes[share:]
        assert not share or sum(taken) + model.scratch * len(tokens) <= room
    assert not sizes


@given(models, contexts, st.integers(0, 2**38))
def test_on_one_device_not_one_layer_more_would_fit(
    model: Footprint, tokens: list[int], room: int
) -> None:
    (count,) = fit(model, tokens, [room])
    more = model.last(min(count + 1, model.layers), sum(tokens))
    assert count == model.layers or sum(more) + model.scratch * len(tokens) > room


@given(models, contexts, budgets, st.integers(0, 2**36))
def test_more_room_never_means_fewer_layers(
    model: Footprint, tokens: list[int], rooms: list[int], more: int
) -> None:
    before = sum(fit(model, tokens, rooms))
    assert sum(fit(model, tokens, [*rooms[:-1], rooms[-1] + more])) >= before
    assert sum(fit(model, tokens, [*rooms, more])) >= before


@given(models, contexts)
def test_without_a_limit_all_of_it_goes_to_the_first_device(
    model: Footprint, tokens: list[int]
) -> None:
    assert fit(model, tokens, [None, 0]) == (model.layers, 0)
    assert fit(model, tokens, []) == ()


@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_the_screen_keeps_a_part_of_the_memory(free: int, total: int) -> None:
    room = budget(replace(CARD, free=free, total=total))
    if total == 0:
        assert room is None
    else:
        assert room is not None
        assert 0 <= room <= max(0, free - 256 * MIB)
        assert room >= free - GIB


@given(st.integers(1, 600))
def test_what_failed_is_tried_with_less_and_at_last_on_the_cpu(layers: int) -> None:
    tried = list(retreats(Placement(layers, ("CUDA0",), (layers,))))
    counts = [attempt.layers for attempt in tried]
    assert counts == sorted(set(counts), reverse=True)
    assert tried[-1].devices == ()
    assert tried[-1].layers == 0
    assert all(attempt.line for attempt in tried[1:])
    assert list(retreats(tried[-1])) == [tried[-1]]


def test_cards_come_before_what_shares_the_main_memory() -> None:
    assert offloaders([CPU, SHARED, CARD]) == [CARD]
    assert offloaders([CPU, SHARED]) == [SHARED]
    assert offloaders([CPU]) == []


def test_a_device_is_named_in_any_case() -> None:
    everything = [CPU, SHARED, CARD]
    assert choose_devices(everything, "vulkan0") == [SHARED]
    assert choose_devices(everything, "cpu") == []
    assert choose_devices([], "CPU") == []
    with pytest.raises(ModelError, match="no device 'CUDA7'") as caught:
        choose_devices(everything, "CUDA7")
    assert caught.value.todo == "Known: CPU, Vulkan0, CUDA0."


def test_all_that_fits_is_offloaded_and_told() -> None:
    assert place(MODEL, TOKENS, [CPU, CARD]) == Placement(
        5,
        ("CUDA0",),
        (5,),
        "offloading to CUDA0 (a card): all 5 layers fit in 8.0 GiB free",
    )


def test_a_part_that_fits_is_offloaded_from_the_end() -> None:
    small = replace(CARD, total=GIB, free=256 * MIB + 20 * MIB + 50 * MIB + 2 * 106 * MIB)
    where = place(MODEL, TOKENS, [CPU, small])
    assert (where.layers, where.devices, where.split) == (3, ("CUDA0",), (3,))
    assert "3 of 5 layers fit in 0.5 GiB free; the CPU runs the rest" in where.line


def test_what_has_no_room_is_left_alone() -> None:
    full = replace(CARD, free=100 * MIB)
    where = place(MODEL, TOKENS, [CPU, full])
    assert (where.layers, where.devices) == (0, ())
    assert where.line == "no layer fits on CUDA0 (0.1 GiB free): the model runs on the CPU"


def test_two_cards_share_what_one_can_not_hold() -> None:
    half = replace(CARD, total=GIB, free=256 * MIB + 20 * MIB + 2 * 106 * MIB)
    other = replace(half, name="CUDA1", about="another")
    where = place(MODEL, TOKENS, [CPU, half, other])
    assert (where.layers, where.devices, where.split) == (4, ("CUDA0", "CUDA1"), (2, 2))


def test_what_is_asked_for_is_done_and_says_nothing() -> None:
    devices = [CPU, CARD]
    assert place(MODEL, TOKENS, devices, "all") == Placement(5, ("CUDA0",))
    assert place(MODEL, TOKENS, devices, 3) == Placement(3, ("CUDA0",))
    assert place(MODEL, TOKENS, devices, 99) == Placement(5, ("CUDA0",))
    assert place(MODEL, TOKENS, devices, 0) == Placement()
    assert place(MODEL, TOKENS, devices, wanted="cpu") == Placement()


def test_who_asks_for_a_gpu_where_none_is_is_told_once() -> None:
    for layers in ("all", 12):
        assert "finds no GPU here" in place(MODEL, TOKENS, [CPU], layers).line
    for layers in ("auto", 0):
        assert place(MODEL, TOKENS, [CPU], layers) == Placement()


def test_a_device_that_tells_no_memory_is_tried_with_everything() -> None:
    where = place(MODEL, TOKENS, [replace(CARD, free=0, total=0)])
    assert where.layers == 5
    assert where.line.endswith("all 5 layers fit")


# --- sizes ----------------------------------------------------------------------------------


def test_the_sizes_of_the_bundled_model_are_those_of_its_tensors() -> None:
    path = bundled_model()
    assert path is not None
    header = check_model(path)
    sizes = footprint(header)
    assert sizes.layers == 31
    shared = next(t.size for t in header.tensors if t.name == "token_embd.weight")
    assert sum(sizes.blocks) + sizes.output == sum(t.size for t in header.tensors)
    assert sizes.output > shared
    assert set(sizes.caches) == {2 * 3 * (64 + 64)}


ODD = st.one_of(
    st.integers(0, 2**32 - 1).map(u32), st.sampled_from([None, string("nine"), string("")])
)


@given(ODD, ODD, ODD, ODD)
def test_absurd_numbers_give_sizes_all_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    heads: bytes | None,
    grouped: bytes | None,
    deep: bytes | None,
    key: bytes | None,
) -> None:
    values = model_values(
        llama__attention__head_count=heads,
        llama__attention__head_count_kv=grouped,
        llama__feed_forward_length=deep,
        llama__attention__key_length=key,
    )
    path = tmp_path_factory.getbasetemp() / "odd.gguf"
    tensors = (tensor("token_embd.weight"), tensor("blk.900.attn_q.weight"))
    path.write_bytes(gguf(values, tensors))
    sizes = footprint(check_model(path))
    assert sizes.blocks == (0, 0)
    assert all(0 <= cache < 2**50 for cache in sizes.caches)
    assert 0 < sizes.scratch < 2**50


def test_a_model_in_several_files_is_counted_whole(tmp_path: Path) -> None:
    for number in range(2):
        values = model_values(
            split__count=u32(2), split__no=u32(number), llama__attention__head_count=u32(1)
        )
        path = tmp_path / f"big-{number + 1:05d}-of-00002.gguf"
        path.write_bytes(gguf(values, (tensor(f"blk.{number}.ffn_up.weight"),)))
    sizes = footprint(check_model(tmp_path / "big-00001-of-00002.gguf"))
    assert sizes.blocks == (512, 512)


# --- the real llama.cpp, and a device that only the list knows -------------------------------


@pytest.mark.slow
async def test_llama_cpp_tells_its_devices() -> None:
    devices, backends = await look_around()
    processor = next(device for device in devices if device.kind == "cpu")
    assert processor.name == "CPU"
    assert processor.about
    assert 0 < processor.free <= processor.total
    assert "CPU" in backends


GHOST = Device("Ghost0", "a card of the test", "Ghost", "gpu", 8 * GIB, 8 * GIB)


@pytest.fixture
def haunted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of devices has one more, which no machine here has."""
    told = wire.unpack_hello

    def with_ghost(record: wire.Record) -> tuple[list[Device], list[str]]:
        devices, backends = told(record)
        return [*devices, GHOST], backends

    monkeypatch.setattr(wire, "unpack_hello", with_ghost)


async def _load(shelf: ModelShelf, **choice: Any) -> tuple[ModelInfo, list[str]]:
    said: list[str] = []
    spec = shelf.load_spec(chat_tokens=256, requantize=False, **choice)
    engine = LlamaEngine()
    try:
        info = await engine.load(replace(spec, policy_tokens=0), lambda what, _: said.append(what))
        hello = Request(ContextName.CHAT, (Message(Role.USER, "Hello"),))
        assert [piece async for piece in engine.stream(hello)][-1].finish
    finally:
        await engine.close()
    return info, said


@pytest.mark.slow
@pytest.mark.usefixtures("haunted")
async def test_a_device_that_fails_leaves_the_model_on_the_cpu_with_one_line(
    shelf: ModelShelf,
) -> None:
    info, said = await _load(shelf)
    line = "no room for 31 layers on Ghost0: the model runs on the CPU"
    assert info.placement == line
    assert said.count(line) == 1
    assert info.layers_offloaded == 0
    assert info.device.startswith("CPU, ")


@pytest.mark.slow
@pytest.mark.usefixtures("haunted")
async def test_a_device_that_takes_the_process_along_is_left_out_the_second_time(
    shelf: ModelShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = engine_module._load

    async def fatal(
        child: ChildProcess,
        spec: LoadSpec,
        file: Path,
        placement: Placement,
        progress: Progress,
    ) -> ModelInfo:
        if placement.devices:
            child.kill()
        return await load(child, spec, file, placement, progress)

    monkeypatch.setattr(engine_module, "_load", fatal)
    info, said = await _load(shelf)
    assert info.placement == "no room for 31 layers on Ghost0: the model runs on the CPU"
    assert said.count(info.placement) == 1


@pytest.mark.slow
async def test_an_unknown_device_is_a_line(shelf: ModelShelf) -> None:
    with pytest.raises(ModelError, match="no device 'CUDA7'"):
        await _load(shelf, device="CUDA7")
