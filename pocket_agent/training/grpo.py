"""Reinforcement learning on single turns: TRL's GRPO under the very grammar that is run.

Each (profile, turn) is one prompt; its reward is the exact agreement of the ops with what the turn
reveals (`rewards`), so no judge is asked. Rollouts decode under `build_grammar` of their own turn,
as the product does: a token is drawn, and drawn again only where the grammar refuses it. The
log-probabilities are the unconstrained policy's; redrawn tokens are left out of the loss. The
trainer is TRL's, in which the samples of a prompt share its computation (`packed_trainer`).

One process on a CPU; `accelerate launch -m pocket_agent.training grpo …` for more. Ready
configurations are in `configs/`.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pocket_agent.errors import UsageError
from pocket_agent.training.base import Vocabulary, file_hash, load_base, prepare_base
from pocket_agent.training.checkpoints import last_whole, restore_finished
from pocket_agent.training.curves import draw_curves, journal
from pocket_agent.training.export import quantise
from pocket_agent.training.grpo_options import GrpoOptions, add_arguments, read_options
from pocket_agent.training.rewards import Prices
from pocket_agent.training.sft import fast_bf16, for_this_machine, lora, start_folder
from pocket_agent.training.tasks import Task, check_tokens, make_reward, read_tasks

__all__ = ["add_arguments", "main", "run"]

_SLOTS = 64


def run(options: GrpoOptions) -> Path:
    """Train, or go on from the last checkpoint in `out`.

    Returns:
        The folder of the trained adapter (PEFT format).

    Raises:
        UsageError: the data or the options don't fit.
    """
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    adapter = options.out / "adapter"
    if restore_finished(options.out, options.steps, adapter):
        return adapter
    trainer = build_trainer(options)
    last = last_whole(options.out) if trainer.accelerator.is_main_process else None
    trainer.accelerator.wait_for_everyone()
    last = last or last_whole(options.out)
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    state = trainer.accelerator.get_state_dict(trainer.model)
    if trainer.accelerator.is_main_process:
        model = trainer.accelerator.unwrap_model(trainer.model)
        model.save_pretrained(adapter, state_dict=state, selected_adapters=["default"])
        draw_curves(options.out)
    if hasattr(trainer.rollout_func, "close"):
        trainer.rollout_func.close()
    return adapter


def build_trainer(options: GrpoOptions) -> Any:
    """The trainer with its model, prompts, reward and rollouts.

    Raises:
        UsageError: there are fewer prompts than one update takes.
    """
    import torch
    from accelerate import PartialState
    from transformers import AutoTokenizer

    if options.threads:
        torch.set_num_threads(options.threads)
    process = PartialState(cpu=not torch.cuda.is_available())
    with process.main_process_first():
        base = prepare_base(options.gguf, options.work / "base")
        start = start_folder(options.start, options.gguf, options.out)
    tasks = read_tasks(
        options.data,
        Vocabulary(options.gguf),
        longest=options.longest,
        limit=options.limit,
        seed=options.seed,
    )
    tokenizer = AutoTokenizer.from_pretrained(base)
    check_tokens(tasks, tokenizer)
    if len(tasks) < options.prompts * options.oversample:
        raise UsageError(f"{len(tasks)} prompts are fewer than one update takes")
    if options.prompts % (process.num_processes * options.accumulate):
        raise UsageError("--prompts must divide over the processes and --accumulate")
    torch.manual_seed(options.seed)
    model = lora(load_base(base), options.rank, start)
    return _trainer_class(options)(
        model=for_this_machine(model) if options.pack else model,
        reward_funcs=make_reward(tasks, Prices(lost=options.lost)),
        args=_configuration(options, process.num_processes),
        train_dataset=_dataset(tasks),
        processing_class=tokenizer,
        rollout_func=_rollouts(options, tasks, process),
        callbacks=[journal(options.out)],
        **_packing(options, process.num_processes),
    )


def _trainer_class(options: GrpoOptions) -> Any:
    if options.pack:
        from pocket_agent.training.packed_trainer import PackedTrainer

        return PackedTrainer
    from trl import GRPOTrainer

    return GRPOTrainer


def _packing(options: GrpoOptions, processes: int) -> dict[str, Any]:
    if not options.pack:
        return {}
    return {
        "prompts": options.prompts // processes,
        "skip_even": options.skip_even,
        "together": options.together,
    }


def _dataset(tasks: Sequence[Task]) -> Any:
    from datasets import Dataset

    prompts = [task.example.prompt for task in tasks]
    return Dataset.from_dict({"prompt": prompts, "task": list(range(len(tasks)))})


def _configuration(options: GrpoOptions, processes: int) -> Any:
    import torch
    from trl import GRPOConfig

    rows = options.prompts * options.oversample * options.samples
    on_gpu = torch.cuda.is_available()
    return GRPOConfig(
        output_dir=str(options.out),
        per_device_train_batch_size=rows // processes // options.accumulate,
        gradient_accumulation_steps=options.accumulate,
        steps_per_generation=options.accumulate,
        num_generations=options.samples,
        max_completion_length=options.answer,
        max_steps=options.steps,
        learning_rate=options.rate,
        lr_scheduler_type="cosine_with_min_lr",
        lr_scheduler_kwargs={"min_lr_rate": 0.1},
        warmup_steps=min(10, options.steps // 10),
        beta=options.beta,
        scale_rewards=options.scale,
        temperature=options.temperature,
        max_grad_norm=1.0,
        bf16=fast_bf16(),
        use_cpu=not on_gpu,
        use_vllm=options.rollouts == "vllm",
        # Recomputing what fits into memory only costs time.
        gradient_checkpointing=False,
        save_steps=options.save_every,
        save_total_limit=2,
        logging_steps=1,
        seed=options.seed,
        report_to=[],
        dataloader_pin_memory=on_gpu,
    )


def _rollouts(options: GrpoOptions, tasks: Sequence[Task], process: Any) -> Any:
    if options.rollouts == "model":
        return None
    from pocket_agent.training.rollout_sources import LlamaRollouts, VllmRollouts

    if options.rollouts == "vllm":
        return VllmRollouts(tasks, options.answer)
    import torch

    from pocket_agent.training.rollout import Roller

    with process.main_process_first():
        gguf = fast_gguf(options.gguf, options.work / "base")
    slots = max(_SLOTS - _SLOTS % options.samples, options.samples)
    roller = Roller(
        gguf,
        slots=min(slots, options.prompts * options.oversample * options.samples),
        room=max(len(task.ids) for task in tasks) + options.answer,
        threads=options.threads or torch.get_num_threads(),
        gpu_layers=options.gpu_layers,
    )
    return LlamaRollouts(roller, tasks, options.gguf, options.out, options.answer, options.seed)


def fast_gguf(gguf: Path, folder: Path) -> Path:
    """The base in the type that computes many sequences fastest here, made once."""
    kind = "BF16" if fast_bf16() else "Q8_0"
    made = folder / f"{file_hash(gguf)[:16]}-{kind.lower()}.gguf"
    if not made.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        quantise(gguf, made, kind)
    return made


def main(arguments: argparse.Namespace) -> int:
    """Run `pocket-agent-train grpo`."""
    print(run(read_options(arguments)))
    return 0
