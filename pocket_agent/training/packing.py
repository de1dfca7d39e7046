"""One prompt, computed once, with all its sampled answers behind it.

The rows of a group differ only in their answers. Laid end to end behind one copy of the prompt,
with a mask that hides the answers from one another and positions that start anew for each, they
give the same log-probabilities as row by row, for a fraction of the tokens.
"""

import types
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True, slots=True)
class Pack:
    """Some groups of a batch, one a row, padded on the right to L tokens.

    Args:
        ids: (groups, L). places: position of each token, (groups, L).
        sight: what each token attends to, (groups, 1, L, L), boolean.
        before: for each answer token, the (group, place) whose output predicts it, (N, 2).
        targets: the answer tokens, (N,). cells: their (row, column) in the batch, (N, 2).
    """

    ids: torch.Tensor
    places: torch.Tensor
    sight: torch.Tensor
    before: torch.Tensor
    targets: torch.Tensor
    cells: torch.Tensor

    def inputs(self) -> dict[str, torch.Tensor]:
        """What the model's forward takes."""
        return {
            "input_ids": self.ids,
            "position_ids": self.places,
            "attention_mask": self.sight,
        }


@dataclass(slots=True)
class _Line:
    """One group laid out: lists over its tokens, then over its answer tokens."""

    ids: list[int]
    places: list[int]
    owner: list[int]
    before: list[int]
    targets: list[int]
    cells: list[tuple[int, int]]


def pack(ids: torch.Tensor, mask: torch.Tensor, answer: int, together: int = 1) -> list[Pack]:
    """Lay out a batch as TRL has it: prompts padded on the left, answers on the right.

    Args:
        ids: (rows, T). mask: 1 where there is a token, (rows, T).
        answer: how many of the last columns are the answer's.
        together: groups in one pack; more of them suit a GPU, one wastes nothing.
    """
    lines = [_lay_out(*group) for group in _groups(ids, mask, answer)]
    lines.sort(key=lambda line: len(line.ids))
    return [_stack(lines[at : at + together], ids.device) for at in range(0, len(lines), together)]


def _groups(
    ids: torch.Tensor, mask: torch.Tensor, answer: int
) -> list[tuple[list[int], list[tuple[int, list[int]]]]]:
    """Rows by their prompt: the prompt's tokens, and (row, answer's tokens) of each."""
    start = ids.size(1) - answer
    found: dict[tuple[int, ...], list[tuple[int, list[int]]]] = {}
    for row, (tokens, real) in enumerate(zip(ids.tolist(), mask.tolist(), strict=True)):
        prompt = tuple(t for t, r in zip(tokens[:start], real[:start], strict=True) if r)
        said = [t for t, r in zip(tokens[start:], real[start:], strict=True) if r]
        found.setdefault(prompt, []).append((row, said))
    return [(list(prompt), rows) for prompt, rows in found.items()]


def _lay_out(prompt: list[int], rows: list[tuple[int, list[int]]]) -> _Line:
    size = len(prompt)
    line = _Line(list(prompt), list(range(size)), [0] * size, [], [], [])
    for number, (row, said) in enumerate(rows, 1):
        at = len(line.ids)
        # The last token predicts nothing, so it isn't computed.
        line.ids += said[:-1]
        line.places += range(size, size + len(said) - 1)
        line.owner += [number] * (len(said) - 1)
        if said:
            line.before += [size - 1, *range(at, at + len(said) - 1)]
        line.targets += said
        line.cells += [(row, column) for column in range(len(said))]
    return line


def _stack(lines: list[_Line], device: torch.device) -> Pack:
    longest = max(len(line.ids) for line in lines)

    def padded(rows: list[list[int]], fill: int) -> torch.Tensor:
        full = [row + [fill] * (longest - len(row)) for row in rows]
        return torch.tensor(full, device=device)

    owner = padded([line.owner for line in lines], -1)
    asks, sees = owner[:, :, None], owner[:, None, :]
    order = torch.arange(longest, device=device)
    past = order[None, :, None] >= order[None, None, :]
    # Padding sees itself: a row without anything to attend to is not a number.
    sight = past & ((sees == 0) | (sees == asks)) | (order[:, None] == order[None, :])
    before = [(group, at) for group, line in enumerate(lines) for at in line.before]
    return Pack(
        ids=padded([line.ids for line in lines], 0),
        places=padded([line.places for line in lines], 0),
        sight=sight[:, None],
        before=torch.tensor(before, device=device).reshape(-1, 2),
        targets=torch.tensor([t for line in lines for t in line.targets], device=device),
        cells=torch.tensor([c for line in lines for c in line.cells], device=device).reshape(-1, 2),
    )


def add_packed_head(model: Any, temperature: float) -> None:
    """Let `model(packs=[...])` return log-probabilities and entropies of the answers alone.

    It happens inside the model's forward, so that DDP and FSDP see one ordinary call. TRL's own
    head scores every position where there is no Triton, and on a CPU the head is a fifth of the
    work; this one scores only the answers.

    Args:
        model: a causal language model of transformers, not wrapped by PEFT.
        temperature: that logits are divided by.
    """
    inner = model.forward

    def forward(self: Any, *args: Any, packs: list[Pack] | None = None, **kwargs: Any) -> Any:
        if packs is None:
            return inner(*args, **kwargs)
        hidden, targets = [], []
        for one in packs:
            outputs = self.base_model(**one.inputs(), use_cache=False).last_hidden_state
            hidden.append(outputs[one.before[:, 0], one.before[:, 1]])
            targets.append(one.targets)
        logits = self.get_output_embeddings()(torch.cat(hidden)).float() / temperature
        scores = torch.log_softmax(logits, dim=-1)
        chosen = scores.gather(1, torch.cat(targets)[:, None])[:, 0]
        with torch.no_grad():
            entropy = -(scores.exp() * scores).sum(-1)
        return {"log_probs": chosen, "entropy": entropy}

    model.forward = types.MethodType(forward, model)


def spread(values: torch.Tensor, packs: list[Pack], shape: tuple[int, int]) -> torch.Tensor:
    """Values of the answer tokens back in the batch's layout, zero elsewhere. Shape: `shape`."""
    cells = torch.cat([one.cells for one in packs])
    return values.new_zeros(shape).index_put((cells[:, 0], cells[:, 1]), values)
