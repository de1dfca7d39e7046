"""Which layers of a model go to which device: arithmetic alone, so that it can be proved.

What is asked for and what fits become a `Placement`, which the child carries out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pocket_agent.errors import ModelError
from pocket_agent.llm.weights import Footprint

Layers = int | Literal["auto", "all"]
"""How many layers to offload: as many as fit, all, or a number."""

CPU = "CPU"
_LEAST_SPARE, _MOST_SPARE = 256 * 2**20, 2**30
_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Device:
    """A processor that llama.cpp can compute on.

    Args:
        name: as llama.cpp calls it, such as `Vulkan0`.
        about: what it is, such as `NVIDIA GeForce RTX 3060`.
        backend: the part of llama.cpp that drives it, such as `CUDA`.
        kind: cpu, gpu, igpu (shares the main memory) or other.
        free, total: bytes; a total of 0 means that it doesn't say.
    """

    name: str
    about: str
    backend: str
    kind: Literal["cpu", "gpu", "igpu", "other"]
    free: int
    total: int


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a model goes.

    Args:
        layers: how many of its last layers are offloaded.
        devices: names of the devices that take them; with none, all of it runs on the CPU.
        split: layers for each of the devices; empty leaves it to llama.cpp.
        line: what to tell about it, or nothing.
    """

    layers: int = 0
    devices: tuple[str, ...] = ()
    split: tuple[int, ...] = ()
    line: str = ""


def offloaders(devices: Sequence[Device]) -> list[Device]:
    """The devices that layers are offloaded to unless one is named: GPUs; else integrated ones."""
    own = [device for device in devices if device.kind == "gpu"]
    return own or [device for device in devices if device.kind == "igpu"]


def choose_devices(devices: Sequence[Device], wanted: str) -> list[Device]:
    """The devices to offload to; none means the CPU.

    Args:
        wanted: a name out of the list in any case, or nothing for the usual ones.

    Raises:
        ModelError: there is no such device.
    """
    if not wanted:
        return offloaders(devices)
    if wanted.casefold() == CPU.casefold():
        return []
    named = [device for device in devices if device.name.casefold() == wanted.casefold()]
    if not named:
        known = ", ".join(dict.fromkeys([CPU, *(device.name for device in devices)]))
        raise ModelError(f"There is no device {wanted!r} here", f"Known: {known}.")
    return [device for device in named if device.kind != "cpu"]


def budget(device: Device) -> int | None:
    """Bytes of a device that a model may take; None where it doesn't say what it has.

    A tenth of it (between 256 MiB and 1 GiB) is left to the screen and to other programs.
    """
    if device.total <= 0:
        return None
    spare = min(_MOST_SPARE, max(_LEAST_SPARE, device.total // 10))
    return max(0, device.free - spare)


def fit(
    model: Footprint, contexts: Sequence[int], budgets: Sequence[int | None]
) -> tuple[int, ...]:
    """How many layers each device takes, the most that fit.

    A device that takes any also holds what each context computes in.

    Args:
        contexts: tokens of each context. budgets: bytes of each device; None has no limit.

    Returns:
        Layers for each device, in order. Their sum is what is offloaded.
    """
    scratch = model.scratch * len(contexts)
    for count in range(model.layers, 0, -1):
        shares = _pack(model.last(count, sum(contexts)), scratch, budgets)
        if shares is not None:
            return shares
    return (0,) * len(budgets)


def _pack(
    sizes: Sequence[int], scratch: int, budgets: Sequence[int | None]
) -> tuple[int, ...] | None:
    """Layers in their order, each on the first device with room for it; None if one is left."""
    shares, at = [0] * len(budgets), 0
    for share, room in enumerate(budgets):
        used = scratch
        while at < len(sizes) and (room is None or used + sizes[at] <= room):
            used += sizes[at]
            shares[share] += 1
            at += 1
    return tuple(shares) if at == len(sizes) else None


def place(
    model: Footprint,
    contexts: Sequence[int],
    devices: Sequence[Device],
    layers: Layers = "auto",
    wanted: str = "",
) -> Placement:
    """What is asked for and what is there, as a placement with the line that tells of it.

    Args:
        contexts: tokens of each context that is made.
        devices: all there are, the CPU among them.
        layers, wanted: what the person chose.

    Raises:
        ModelError: the device that is wanted isn't there.
    """
    chosen = choose_devices(devices, wanted)
    if not chosen:
        return Placement(line=_why_none(devices, layers, wanted))
    if layers == 0:
        return Placement()
    if layers != "auto":
        count = model.layers if layers == "all" else min(layers, model.layers)
        return Placement(count, tuple(device.name for device in chosen))
    shares = fit(model, contexts, [budget(device) for device in chosen])
    used = [(device, share) for device, share in zip(chosen, shares, strict=True) if share]
    names, split = tuple(d.name for d, _ in used), tuple(share for _, share in used)
    return Placement(sum(split), names, split, _tell(model, chosen, used))


def _why_none(devices: Sequence[Device], layers: Layers, wanted: str) -> str:
    """Said only to those who asked for a GPU and have none."""
    if layers in ("auto", 0) or wanted or offloaders(devices):
        return ""
    return "running on the CPU: llama.cpp finds no GPU here (see: pocket-agent doctor)"


def _tell(model: Footprint, chosen: Sequence[Device], used: list[tuple[Device, int]]) -> str:
    count = sum(share for _, share in used)
    names = " + ".join(f"{device.name} ({device.about})" for device, _ in used)
    if not used:
        free = sum(device.free for device in chosen) / _GIB
        shown = " + ".join(device.name for device in chosen)
        return f"no layer fits on {shown} ({free:.1f} GiB free): the model runs on the CPU"
    free = sum(device.free for device, _ in used) / _GIB
    room = f" in {free:.1f} GiB free" if all(device.total for device, _ in used) else ""
    if count == model.layers:
        return f"offloading to {names}: all {count} layers fit{room}"
    return (
        f"offloading to {names}: {count} of {model.layers} layers fit{room}; the CPU runs the rest"
    )


def retreats(placement: Placement) -> Iterator[Placement]:
    """What to try, one after the other: as planned, half as many layers, the CPU alone."""
    yield placement
    if not placement.devices:
        return
    if half := placement.layers // 2:
        line = f"{_too_many(placement)}: it takes {half}, the CPU runs the rest"
        yield replace(placement, layers=half, split=(), line=line)
    yield on_cpu_after(placement)


def on_cpu_after(failed: Placement) -> Placement:
    """Everything on the CPU, because a device could not do what was planned."""
    return Placement(line=f"{_too_many(failed)}: the model runs on the CPU")


def _too_many(placement: Placement) -> str:
    return f"no room for {placement.layers} layers on {' + '.join(placement.devices)}"
