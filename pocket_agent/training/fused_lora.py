"""A LoRA layer's forward and backward in as few passes over memory as there need be.

PEFT adds the adapter's output to the layer's in steps of their own, each of which reads and writes
a whole activation, and keeps them for the backward pass. On a CPU that is a quarter of the time.
The sums are the same: h = xAᵀ, y = xWᵀ + s·hBᵀ.
"""

from collections.abc import Callable
from typing import Any

import torch


class _LoraLinear(torch.autograd.Function):
    """x: (N, in), weight: (out, in), a: (r, in), b: (out, r). Only x, a and b get gradients."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        a: torch.Tensor,
        b: torch.Tensor,
        scale: float,
    ) -> torch.Tensor:
        low = x @ a.t()
        ctx.save_for_backward(x, weight, a, b, low)
        ctx.scale = scale
        return (x @ weight.t()).addmm_(low, b.t(), alpha=scale)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[Any, ...]:
        (grad,) = grads
        x, weight, a, b, low = ctx.saved_tensors
        grad_low = grad @ b
        grad_low *= ctx.scale
        grad_b = grad.t() @ low
        grad_b *= ctx.scale
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = grad @ weight
            grad_x.addmm_(grad_low, a)
        return grad_x, None, grad_low.t() @ x, grad_b, None


def fuse_lora(model: Any) -> int:
    """Let every LoRA layer of a PEFT model run fused. What is trained and saved stays the same.

    Only plain layers: one adapter, no dropout, no bias.

    Returns:
        How many layers are fused.
    """
    from peft.tuners.lora import Linear

    layers = [one for one in model.modules() if isinstance(one, Linear) and _is_plain(one)]
    for layer in layers:
        layer.forward = _Fused(layer)
    return len(layers)


def _is_plain(layer: Any) -> bool:
    names = layer.active_adapters
    if len(names) != 1 or layer.get_base_layer().bias is not None:
        return False
    dropout = layer.lora_dropout[names[0]]
    return isinstance(dropout, torch.nn.Identity) and not layer.use_dora.get(names[0], False)


# torch gives `apply` no types.
_apply: Callable[..., torch.Tensor] = _LoraLinear.apply


class _Fused:
    """Stands in for a layer's forward."""

    def __init__(self, layer: Any):
        (name,) = layer.active_adapters
        self._weight = layer.get_base_layer().weight
        self._a, self._b = layer.lora_A[name].weight, layer.lora_B[name].weight
        self._scale = layer.scaling[name]

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        flat = x.reshape(-1, x.shape[-1])
        made = _apply(flat, self._weight, self._a, self._b, self._scale)
        return made.view(*x.shape[:-1], -1)
