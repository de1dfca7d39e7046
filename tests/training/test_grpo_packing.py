"""Packing: the same log-probabilities and the same gradient as row by row."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from pocket_agent.training.packing import add_packed_head, pack, spread

PROMPT, ANSWER = 9, 6


@pytest.fixture
def model(one_thread) -> LlamaForCausalLM:
    """A real architecture at toy size."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=97,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    return LlamaForCausalLM(config)


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Three prompts of different lengths with three answers each, as TRL pads them."""
    draw = torch.Generator().manual_seed(1)
    ids = torch.zeros(9, PROMPT + ANSWER, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for group, size in enumerate((9, 4, 6)):
        prompt = torch.randint(1, 97, (size,), generator=draw)
        for sample, said in enumerate((6, 1, 3)):
            row = 3 * group + sample
            ids[row, PROMPT - size : PROMPT] = prompt
            ids[row, PROMPT : PROMPT + said] = torch.randint(1, 97, (said,), generator=draw)
            mask[row, PROMPT - size : PROMPT + said] = 1
    return ids, mask


def row_by_row(model: LlamaForCausalLM, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    found = torch.zeros(len(ids), ANSWER)
    for row in range(len(ids)):
        real = ids[row][mask[row].bool()]
        scores = torch.log_softmax(model(real[None]).logits[0], -1)
        said = int(mask[row, PROMPT:].sum())
        places = torch.arange(len(real) - said, len(real))
        found[row, :said] = scores[places - 1, real[places]]
    return found


@pytest.mark.parametrize("together", [1, 2, 8])
def test_log_probabilities_are_those_of_row_by_row(model, together: int):
    ids, mask = batch()
    right = row_by_row(model, ids, mask)
    add_packed_head(model, temperature=1.0)
    packs = pack(ids, mask, ANSWER, together)
    found = spread(model(packs=packs)["log_probs"], packs, (9, ANSWER))
    assert torch.allclose(found, right, atol=1e-5)
    assert (found[mask[:, PROMPT:] == 0] == 0).all()


def test_the_gradient_is_the_same(model):
    ids, mask = batch()
    weights = torch.linspace(-1, 1, 9)[:, None]
    (row_by_row(model, ids, mask) * weights).sum().backward()
    right = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    add_packed_head(model, temperature=1.0)
    packs = pack(ids, mask, ANSWER)
    (spread(model(packs=packs)["log_probs"], packs, (9, ANSWER)) * weights).sum().backward()
    for one, other in zip(model.parameters(), right, strict=True):
        assert torch.allclose(one.grad, other, atol=1e-4)


def test_a_prompt_is_computed_once():
    ids, mask = batch()
    packs = pack(ids, mask, ANSWER)
    sizes = sorted(one.ids.size(1) for one in packs)
    assert sizes == [4 + 7, 6 + 7, 9 + 7]  # of the 6 + 1 + 3 answer tokens each last is left out
    assert sum(len(one.targets) for one in packs) == int(mask[:, PROMPT:].sum())


def test_temperature_and_entropy(model):
    ids, mask = batch()
    add_packed_head(model, temperature=2.0)
    packs = pack(ids, mask, ANSWER)
    found = model(packs=packs)
    scores = torch.log_softmax(model(ids[:1, :PROMPT]).logits[0, -1] / 2, -1)
    first = spread(found["log_probs"], packs, (9, ANSWER))[0, 0]
    assert torch.allclose(first, scores[ids[0, PROMPT]], atol=1e-5)
    entropy = spread(found["entropy"], packs, (9, ANSWER))[0, 0]
    assert torch.allclose(entropy, -(scores.exp() * scores).sum(), atol=1e-4)
