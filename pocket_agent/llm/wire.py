"""The lines the engine and its child process exchange: one JSON object a line, both ways.

To the child: `{"id", "op", ...}` with op load, generate, count or cancel.
From it: `{"id", "kind", ...}` with kind hello, progress, piece, done or error; done and error
end a call.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pocket_agent.errors import ContextOverflowError, ModelError, PocketAgentError
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

Record = dict[str, Any]

_ERRORS: dict[str, type[PocketAgentError]] = {
    kind.__name__: kind for kind in (ModelError, ContextOverflowError)
}


def encode(record: Record) -> bytes:
    """One line. ASCII only, so that a lone surrogate in a text can't break the pipe."""
    return json.dumps(record, separators=(",", ":")).encode("ascii") + b"\n"


def decode(line: bytes) -> Record:
    """The object of one line."""
    record: Record = json.loads(line)
    return record


def pack_spec(spec: LoadSpec, model: Path) -> Record:
    """What the child needs to load; `model` is the file to open, maybe a faster copy."""
    return {
        "model": str(model),
        "chat_tokens": spec.chat_tokens,
        "policy_tokens": spec.policy_tokens,
        "gpu_layers": spec.gpu_layers,
        "adapter": str(spec.adapter) if spec.adapter else "",
        "threads": spec.threads,
        "device": spec.device,
    }


def unpack_spec(record: Record) -> LoadSpec:
    """The child's side of `pack_spec`."""
    return LoadSpec(
        model=Path(record["model"]),
        chat_tokens=record["chat_tokens"],
        policy_tokens=record["policy_tokens"],
        gpu_layers=record["gpu_layers"],
        adapter=Path(record["adapter"]) if record["adapter"] else None,
        threads=record["threads"],
        device=record["device"],
    )


def pack_hello(devices: list[Device], backends: list[str]) -> Record:
    """The child's first words: what it can compute on."""
    listed = [asdict(device) for device in devices]
    return {"kind": "hello", "devices": listed, "backends": backends}


def unpack_hello(record: Record) -> tuple[list[Device], list[str]]:
    """The engine's side of `pack_hello`: devices, and backends with or without one."""
    return [Device(**device) for device in record["devices"]], list(record["backends"])


def pack_placement(placement: Placement) -> Record:
    """Where the layers are to go."""
    return asdict(placement)


def unpack_placement(record: Record) -> Placement:
    """The inverse of `pack_placement`."""
    lists = {name: tuple(record[name]) for name in ("devices", "split")}
    return Placement(**(record | lists))


def pack_messages(messages: tuple[Message, ...]) -> list[list[str]]:
    """Messages as [role, text] pairs."""
    return [[message.role.value, message.text] for message in messages]


def unpack_messages(pairs: list[list[str]]) -> tuple[Message, ...]:
    """The inverse of `pack_messages`."""
    return tuple(Message(Role(role), text) for role, text in pairs)


def pack_request(request: Request) -> Record:
    """A generation request."""
    return {
        "context": request.context.value,
        "messages": pack_messages(request.messages),
        "prompt": request.prompt,
        "sampling": asdict(request.sampling),
        "grammar": request.grammar,
        "stop": list(request.stop),
        "continue_last": request.continue_last,
    }


def unpack_request(record: Record) -> Request:
    """The child's side of `pack_request`."""
    sampling = record["sampling"]
    gate = sampling["gate"] and tuple(sampling["gate"])
    return Request(
        context=ContextName(record["context"]),
        messages=unpack_messages(record["messages"]),
        prompt=record["prompt"],
        sampling=Sampling(**(sampling | {"gate": gate})),
        grammar=record["grammar"],
        stop=tuple(record["stop"]),
        continue_last=record["continue_last"],
    )


def pack_info(info: ModelInfo) -> Record:
    """What was loaded."""
    return asdict(info) | {"path": str(info.path)}


def unpack_info(record: Record) -> ModelInfo:
    """The engine's side of `pack_info`."""
    return ModelInfo(**(record | {"path": Path(record["path"])}))


def pack_piece(piece: Piece) -> Record:
    """A bit of text; the last one has `finish` and `usage`."""
    said: Record = {"text": piece.text, "tokens": piece.tokens}
    if piece.finish is None:
        return {"kind": "piece", **said}
    usage = asdict(piece.usage) if piece.usage else None
    return {"kind": "done", **said, "finish": piece.finish, "usage": usage}


def unpack_piece(record: Record) -> Piece:
    """The engine's side of `pack_piece`."""
    usage = record.get("usage")
    usage = Usage(**usage) if usage else None
    return Piece(record["text"], record.get("finish"), usage, record["tokens"])


def pack_error(error: PocketAgentError) -> Record:
    """An error that crosses the pipe as itself."""
    known = next((name for name, kind in _ERRORS.items() if isinstance(error, kind)), "ModelError")
    return {"kind": "error", "error": known, "what": error.what, "todo": error.todo}


def unpack_error(record: Record) -> PocketAgentError:
    """The error to raise on the engine's side."""
    return _ERRORS.get(record["error"], ModelError)(record["what"], record["todo"])
