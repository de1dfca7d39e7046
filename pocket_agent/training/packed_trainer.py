"""TRL's GRPO trainer with three steps of its own: packed groups, skipped groups, our rollouts.

Everything else is TRL's: sampling of prompts, rewards, advantages, the loss and its clipping, KL,
checkpoints, metrics, and whatever accelerate makes of it on several processes.
"""

from typing import Any

import torch
from trl import GRPOTrainer

from pocket_agent.training.packing import add_packed_head, pack, spread


class PackedTrainer(GRPOTrainer):  # type: ignore[misc]  # trl is untyped here
    """GRPO in which the samples of a prompt share its computation.

    Args:
        prompts: groups that a step trains on, on this process.
        skip_even: leave out groups whose samples all earned the same: without a KL term their
            gradient is exactly zero. The loss is then an average over what is left.
        together: groups in one forward pass (see `packing.pack`).
    """

    def __init__(self, *, prompts: int, skip_even: bool, together: int, **options: Any):
        super().__init__(**options)
        self._prompts, self._together = prompts, together
        self._buffered_inputs: list[dict[str, Any]] | None = None
        self._skip_even = skip_even and self.beta == 0.0
        base = self.accelerator.unwrap_model(self.model)
        add_packed_head(base.get_base_model(), self.temperature)

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        logits_to_keep: int,
        batch_size: int | None = None,
        compute_entropy: bool = False,
        compute_aux_loss: bool = False,
        **media: Any,
    ) -> tuple[torch.Tensor, torch.Tensor | None, None]:
        del batch_size, compute_entropy, compute_aux_loss, media
        packs = pack(input_ids, attention_mask, logits_to_keep, self._together)
        with self.accelerator.autocast():
            found = model(packs=packs)
        shape = (input_ids.size(0), logits_to_keep)
        logprobs = spread(found["log_probs"], packs, shape)
        return logprobs, spread(found["entropy"], packs, shape), None

    def _prepare_inputs(self, generation_batch: Any) -> Any:
        """As TRL's, but a group is kept whole, and groups that teach nothing can be left out."""
        if not self.model.training:
            return super()._prepare_inputs(generation_batch)
        parts = self.args.steps_per_generation
        if self._step % (parts * self.num_iterations) == 0 or self._buffered_inputs is None:
            scored = self._generate_and_score_completions(generation_batch)
            self._buffered_inputs = self._divide(scored, parts)
        return self._buffered_inputs[self._step % parts]

    def _divide(self, scored: dict[str, Any], parts: int) -> list[dict[str, Any]]:
        teaching, even = self._sorted(scored["advantages"])
        groups = (teaching if self._skip_even else teaching + even)[: self._prompts]
        # Every process takes part in every backward pass: with nothing to teach, at no gradient.
        shares = [groups[at::parts] or even[:1] for at in range(parts)]
        scored["num_items_in_batch"] = self._tokens(scored, groups)
        self._metrics["train"]["groups/used"].append(float(len(groups)))
        return [_take(scored, self._rows(share)) for share in shares]

    def _sorted(self, advantages: torch.Tensor) -> tuple[list[int], list[int]]:
        """The groups in which some sample did better than another, and the others."""
        teaches = (advantages.view(-1, self.num_generations) != 0).any(dim=1).tolist()
        numbers = range(len(teaches))
        return [n for n in numbers if teaches[n]], [n for n in numbers if not teaches[n]]

    def _rows(self, groups: list[int]) -> torch.Tensor:
        size = self.num_generations
        rows = [row for group in groups for row in range(group * size, (group + 1) * size)]
        return torch.tensor(rows, dtype=torch.long)

    def _tokens(self, scored: dict[str, Any], groups: list[int]) -> torch.Tensor:
        """Answer tokens that the loss is averaged over, on all processes."""
        mask = scored["completion_mask"]
        if "tool_mask" in scored:
            mask = mask * scored["tool_mask"]
        total: torch.Tensor = self.accelerator.gather(mask[self._rows(groups)].sum()).sum()
        return total


def _take(scored: dict[str, Any], rows: torch.Tensor) -> dict[str, Any]:
    """Some rows of every tensor that has rows."""
    return {
        name: value[rows] if isinstance(value, torch.Tensor) and value.dim() else value
        for name, value in scored.items()
    }
