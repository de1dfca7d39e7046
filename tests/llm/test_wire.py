"""What goes through the pipe comes out the same."""

from pathlib import Path

from pocket_agent.errors import ContextOverflowError, EngineDiedError, ModelError, UsageError
from pocket_agent.llm import wire
from pocket_agent.llm.offload import Device, Placement
from pocket_agent.llm.protocol import (
    ContextName,
    LoadSpec,
    Message,
    ModelInfo,
    Piece,
    Request,
    Role,
    Sampling,
    Usage,
)


def through(record: wire.Record) -> wire.Record:
    line = wire.encode(record)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    return wire.decode(line)


def test_a_request_survives() -> None:
    request = Request(
        ContextName.POLICY,
        (Message(Role.SYSTEM, "a\nb"), Message(Role.USER, 'é "👋" \ud800')),
        sampling=Sampling(seed=5, max_tokens=3),
        grammar='root ::= "x"',
        stop=("\n\n", "END"),
        continue_last=True,
    )
    assert wire.unpack_request(through(wire.pack_request(request))) == request


def test_a_load_survives_without_what_only_the_engine_needs() -> None:
    spec = LoadSpec(Path("a.gguf"), 2048, 512, 0, Path("b.gguf"), 3, Path("cache"), device="x")
    back = wire.unpack_spec(through(wire.pack_spec(spec, Path("copy.gguf"))))
    assert back == LoadSpec(Path("copy.gguf"), 2048, 512, 0, Path("b.gguf"), 3, device="x")
    bare = LoadSpec(Path("a.gguf"))
    assert wire.unpack_spec(through(wire.pack_spec(bare, bare.model))) == bare


def test_devices_and_where_layers_go_survive() -> None:
    devices = [Device("Vulkan0", "ein Gerät", "Vulkan", "igpu", 1, 2)]
    hello = through(wire.pack_hello(devices, ["Vulkan", "CPU"]))
    assert wire.unpack_hello(hello) == (devices, ["Vulkan", "CPU"])
    for placement in (Placement(), Placement(5, ("a", "b"), (2, 3), "a line")):
        assert wire.unpack_placement(through(wire.pack_placement(placement))) == placement


def test_info_and_pieces_survive() -> None:
    info = ModelInfo("n", Path("p"), "llama", 1, 2, 3, 4, 5, "CPU", True, 3)
    assert wire.unpack_info(through(wire.pack_info(info))) == info
    usage = Usage(1, 2, 3, 0.5, 0.25)
    for piece in (Piece("x", tokens=3), Piece("", "stop", usage), Piece("y", "length", None)):
        assert wire.unpack_piece(through(wire.pack_piece(piece))) == piece


def test_errors_arrive_as_what_they_were() -> None:
    overflow = wire.unpack_error(through(wire.pack_error(ContextOverflowError("too long", "cut"))))
    assert type(overflow) is ContextOverflowError
    assert (overflow.what, overflow.todo) == ("too long", "cut")
    for error in (ModelError("m"), EngineDiedError("d"), UsageError("u")):
        assert type(wire.unpack_error(through(wire.pack_error(error)))) is ModelError
