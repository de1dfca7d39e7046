"""Fused LoRA layers: PEFT's own sums, to the last bits of a float."""

from typing import Any

import torch
from peft import LoraConfig, get_peft_model

from pocket_agent.training.fused_lora import fuse_lora


class Small(torch.nn.Module):
    def __init__(self, bias: bool) -> None:
        super().__init__()
        self.up_proj = torch.nn.Linear(6, 10, bias=bias)
        self.down_proj = torch.nn.Linear(10, 6, bias=bias)

    def forward(self, x: torch.Tensor) -> Any:
        return self.down_proj(torch.tanh(self.up_proj(x)))


def made(bias: bool = False, **options: Any) -> Any:
    torch.manual_seed(0)
    config = LoraConfig(r=3, lora_alpha=6, target_modules=["up_proj", "down_proj"], **options)
    model = get_peft_model(Small(bias), config)
    for name, weights in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights)
    return model


def outcome(model: Any) -> list[torch.Tensor]:
    """What it makes of one batch, and the gradients of all that learns."""
    x = torch.linspace(-1, 1, 2 * 5 * 6).view(2, 5, 6).requires_grad_()
    y = model(x)
    (y**2).sum().backward()
    return [y, x.grad, *(p.grad for p in model.parameters() if p.requires_grad)]


def test_outputs_and_gradients_are_peft_s():
    plain, fused = made(), made()
    assert fuse_lora(fused) == 2
    for one, other in zip(outcome(plain), outcome(fused), strict=True):
        torch.testing.assert_close(one, other)


def test_a_batch_that_needs_no_gradient_itself():
    plain, fused = made(), made()
    fuse_lora(fused)
    for model in (plain, fused):
        model(torch.ones(4, 6)).sum().backward()
    pairs = zip(plain.parameters(), fused.parameters(), strict=True)
    for one, other in pairs:
        assert (one.grad is None) == (other.grad is None)
        if one.grad is not None:
            torch.testing.assert_close(one.grad, other.grad)


def test_layers_that_do_more_are_left_alone():
    assert fuse_lora(made(bias=True)) == 0
    assert fuse_lora(made(lora_dropout=0.1)) == 0
    assert fuse_lora(made(use_dora=True)) == 0
