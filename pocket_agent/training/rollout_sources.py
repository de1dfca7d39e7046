"""Where TRL's trainer gets its rollouts: llama.cpp with the current adapter, or vLLM."""

import zlib
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from pocket_agent.training.export import Provenance, export_adapter
from pocket_agent.training.rollout import Ask, Roller, Rollout
from pocket_agent.training.tasks import Task

_FOLDER = "rollouts"


class LlamaRollouts:
    """TRL's `rollout_func` on llama.cpp; the adapter is written anew for every update.

    Args:
        gguf: the file that the adapter was made for. run: the folder of the run.
        answer: tokens of an answer at most.
    """

    def __init__(
        self, roller: Roller, tasks: Sequence[Task], gguf: Path, run: Path, answer: int, seed: int
    ):
        self._roller, self._gguf, self._run = roller, gguf, run
        self._tasks = {task.example.prompt: task for task in tasks}
        self._answer, self._seed = answer, seed
        self._step = -1

    def __call__(self, prompts: list[str], trainer: Any) -> dict[str, Any]:
        """Answers to prompts that come once for each sample, in order."""
        step = int(trainer.state.global_step)
        if step != self._step:
            self._roller.use(self._export(trainer))
            self._step = step
        groups = [(prompt, len(list(same))) for prompt, same in groupby(prompts)]
        asks = [self._ask(prompt, step) for prompt, _ in groups]
        samples = trainer.num_generations
        if any(count != samples for _, count in groups):
            raise ValueError("each prompt must come once for each of its samples")
        found = self._roller.sample(asks, samples, self._answer, trainer.temperature)
        flat = [one for group in found for one in group]
        self._log(trainer, flat)
        return {
            "prompt_ids": [list(ask.prompt) for ask in asks for _ in range(samples)],
            "completion_ids": [one.tokens for one in flat],
            "logprobs": [one.logprobs for one in flat],
            "env_mask": [[int(own) for own in one.own] for one in flat],
        }

    def close(self) -> None:
        """Free llama.cpp's memory."""
        self._roller.close()

    def _ask(self, prompt: str, step: int) -> Ask:
        task = self._tasks[prompt]
        return Ask(task.ids, task.grammar, zlib.crc32(f"{self._seed} {step} {prompt}".encode()))

    def _export(self, trainer: Any) -> Path:
        """The current weights as a LoRA file: written by one process, read by all."""
        folder = self._run / _FOLDER
        state = trainer.accelerator.get_state_dict(trainer.model)
        if trainer.accelerator.is_main_process:
            model = trainer.accelerator.unwrap_model(trainer.model)
            model.save_pretrained(folder, state_dict=state, selected_adapters=["default"])
            export_adapter(folder, self._gguf, folder / "adapter.gguf", Provenance("rollouts"))
        trainer.accelerator.wait_for_everyone()
        return folder / "adapter.gguf"

    @staticmethod
    def _log(trainer: Any, rollouts: Sequence[Rollout]) -> None:
        drawn = sum(len(one.own) for one in rollouts)
        again = drawn - sum(sum(one.own) for one in rollouts)
        trainer._metrics["train"]["rollout/redrawn"].append(again / max(drawn, 1))


class VllmRollouts:
    """TRL's `rollout_func` on the vLLM that TRL keeps in step, each prompt under its grammar.

    vLLM's log-probabilities are those of the constrained distribution; TRL's own correction by
    importance sampling (on by default with vLLM) turns them into the policy's.
    """

    def __init__(self, tasks: Sequence[Task], answer: int):
        self._tasks = {task.example.prompt: task for task in tasks}
        self._answer = answer

    def __call__(self, prompts: list[str], trainer: Any) -> dict[str, Any]:
        """Answers to prompts that come once for each sample, in order."""
        from vllm import SamplingParams
        from vllm.sampling_params import StructuredOutputsParams

        tasks = [self._tasks[prompt] for prompt in prompts]
        rules = [
            SamplingParams(
                temperature=trainer.temperature,
                max_tokens=self._answer,
                logprobs=0,
                structured_outputs=StructuredOutputsParams(grammar=task.grammar),
            )
            for task in tasks
        ]
        asked = [{"prompt_token_ids": list(task.ids)} for task in tasks]
        found = [output.outputs[0] for output in trainer.vllm_generation.llm.generate(asked, rules)]
        return {
            "prompt_ids": [list(task.ids) for task in tasks],
            "completion_ids": [list(one.token_ids) for one in found],
            "logprobs": [
                [
                    scores[token].logprob
                    for token, scores in zip(one.token_ids, one.logprobs, strict=True)
                ]
                for one in found
            ],
        }
