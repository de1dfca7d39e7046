"""Warm start: LoRA on simulated turns, loss on the answer only."""

import argparse
import math
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pocket_agent.errors import UsageError
from pocket_agent.training.adapter_file import unpack_adapter
from pocket_agent.training.base import (
    TARGETS,
    Vocabulary,
    bundled_gguf,
    load_base,
    prepare_base,
)
from pocket_agent.training.checkpoints import last_whole
from pocket_agent.training.curves import draw_curves, journal
from pocket_agent.training.examples import examples, readable, tokenise
from pocket_agent.training.records import read_records

_DECAY = 0.01


@dataclass(frozen=True, slots=True)
class SftOptions:
    """How the warm start runs.

    Args:
        data: files of labelled turns. out: folder for checkpoints and the adapter.
        batch: examples a step. rate: peak learning rate, cosine to a fiftieth after warm-up.
        b_ratio: the rate of LoRA's B over that of its A (LoRA+, arXiv 2402.12354).
        rank: of the LoRA matrices. epochs: passes over the data.
        start: a trained adapter to go on from, a PEFT folder or an exported GGUF.
        limit: at most so many examples, drawn from all files alike.
        threads: of the processor; 0 leaves it to torch. Two threads that share their cores with
            other work are slower than one.
    """

    data: list[Path]
    out: Path
    gguf: Path = field(default_factory=bundled_gguf)
    work: Path = Path("runs")
    batch: int = 16
    rate: float = 1e-3
    b_ratio: float = 1.0
    rank: int = 16
    epochs: float = 1.0
    save_every: int = 200
    seed: int = 0
    limit: int = 0
    start: Path | None = None
    threads: int = 0


def run(options: SftOptions) -> Path:
    """Train, or go on from the last checkpoint in `out`.

    Returns:
        The folder of the trained adapter (PEFT format).
    """
    base = prepare_base(options.gguf, options.work / "base")
    rows = _rows(options)
    trainer = _trainer(options, base, rows)
    last = last_whole(options.out)
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    adapter = options.out / "adapter"
    trainer.model.save_pretrained(adapter)
    draw_curves(options.out)
    return adapter


def _rows(options: SftOptions) -> list[dict[str, list[int]]]:
    vocabulary = Vocabulary(options.gguf)
    records = [record for path in options.data for record in read_records(path)]
    kept = [example for example in examples(records) if readable(example)]
    if not kept:
        raise UsageError("No turn of the data can be trained on")
    random.Random(options.seed).shuffle(kept)
    kept = kept[: options.limit] if options.limit else kept
    return [tokenise(example, vocabulary) for example in kept]


def lora(base: Any, rank: int, start: Path | None) -> Any:
    """The base with LoRA on every linear layer, fresh or from an adapter (a PEFT folder)."""
    from peft import LoraConfig, PeftModel, get_peft_model

    if start is not None:
        return PeftModel.from_pretrained(base, str(start), is_trainable=True)
    names = [target.rpartition(".")[2] for target in TARGETS]
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=names, task_type="CAUSAL_LM")
    return get_peft_model(base, config)


def for_this_machine(model: Any) -> Any:
    """The model as it trains fastest here: in fp32 on a CPU, LoRA layers run fused."""
    import torch

    from pocket_agent.training.fused_lora import fuse_lora

    if not torch.cuda.is_available() and not fast_bf16():
        fuse_lora(model)
    return model


def start_folder(start: Path | None, gguf: Path, run: Path) -> Path | None:
    """The PEFT folder of the adapter to start from; a GGUF is unpacked into the run's folder."""
    if start is None or not start.is_file():
        return start
    return unpack_adapter(start, gguf, run / "start")


def _trainer(options: SftOptions, base: Path, rows: list[dict[str, list[int]]]) -> Any:
    import torch
    from transformers import Trainer, TrainingArguments

    torch.manual_seed(options.seed)
    if options.threads:
        torch.set_num_threads(options.threads)
    start = start_folder(options.start, options.gguf, options.out)
    model = for_this_machine(lora(load_base(base), options.rank, start))
    steps = math.ceil(len(rows) * options.epochs / options.batch)
    arguments = TrainingArguments(
        output_dir=str(options.out),
        per_device_train_batch_size=options.batch,
        num_train_epochs=options.epochs,
        learning_rate=options.rate,
        lr_scheduler_type="cosine_with_min_lr",
        lr_scheduler_kwargs={"min_lr_rate": 0.02},
        warmup_steps=min(50, max(1, steps // 20)),
        weight_decay=_DECAY,
        max_grad_norm=1.0,
        bf16=fast_bf16(),
        use_cpu=not torch.cuda.is_available(),
        save_steps=options.save_every,
        save_total_limit=2,
        logging_steps=10,
        seed=options.seed,
        report_to=[],
        remove_unused_columns=False,
        train_sampling_strategy="group_by_length",
        dataloader_num_workers=0,
    )

    class AnswerTrainer(Trainer):  # type: ignore[misc]  # transformers is untyped here
        """Puts only the answer's positions through the head: it is a fifth of the model."""

        def compute_loss(
            self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any
        ) -> Any:
            labels = inputs.pop("labels")
            wanted = labels[:, 1:]
            mask = wanted != -100
            inner = model.get_base_model()
            # Trainer wraps only model.forward in autocast, and this goes past it.
            with torch.autocast(_device(inputs), torch.bfloat16, enabled=self.args.bf16):
                hidden = inner.model(**inputs).last_hidden_state[:, :-1]
                logits = inner.lm_head(hidden[mask])
            loss = torch.nn.functional.cross_entropy(logits.float(), wanted[mask])
            return (loss, logits) if return_outputs else loss

    return AnswerTrainer(
        model=model,
        args=arguments,
        train_dataset=rows,
        data_collator=collate,
        callbacks=[journal(options.out)],
        optimizers=(_optimizer(model, options), None),
    )


def _optimizer(model: Any, options: SftOptions) -> Any:
    """None leaves it to the trainer."""
    import torch
    from peft.optimizers import create_loraplus_optimizer

    if options.b_ratio == 1.0:
        return None
    return create_loraplus_optimizer(
        model,
        torch.optim.AdamW,
        lr=options.rate,
        loraplus_lr_ratio=options.b_ratio,
        loraplus_weight_decay=_DECAY,
    )


def collate(rows: list[dict[str, list[int]]]) -> dict[str, Any]:
    """Pad a batch on the right. Shapes: (batch, longest)."""
    import torch

    longest = max(len(row["input_ids"]) for row in rows)

    def padded(name: str, fill: int) -> Any:
        return torch.tensor([row[name] + [fill] * (longest - len(row[name])) for row in rows])

    ids = padded("input_ids", 0)
    lengths = torch.tensor([len(row["input_ids"]) for row in rows])
    mask = (torch.arange(longest)[None, :] < lengths[:, None]).long()
    return {"input_ids": ids, "labels": padded("labels", -100), "attention_mask": mask}


def _device(inputs: Any) -> str:
    """The kind of device that a batch is on: cpu, cuda."""
    return str(inputs["input_ids"].device.type)


def fast_bf16() -> bool:
    """Whether bf16 pays: on a GPU that has it, or a CPU with AVX512-BF16 or AMX."""
    import torch

    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `pocket-agent-train sft`."""
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="labelled turns")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--gguf", type=Path, default=None, help="base model (default: bundled)")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--b-ratio", type=float, default=1.0, help="rate of LoRA's B over A's")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--limit", type=int, default=0, help="at most so many examples")
    parser.add_argument("--start", type=Path, default=None, help="adapter to go on from")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0, help="of the processor; 0 chooses")


def main(arguments: argparse.Namespace) -> int:
    """Run `pocket-agent-train sft`."""
    options = SftOptions(
        data=arguments.data,
        out=arguments.out,
        gguf=arguments.gguf or bundled_gguf(),
        batch=arguments.batch,
        rate=arguments.rate,
        b_ratio=arguments.b_ratio,
        rank=arguments.rank,
        epochs=arguments.epochs,
        limit=arguments.limit,
        start=arguments.start,
        seed=arguments.seed,
        threads=arguments.threads,
    )
    print(run(options))
    return 0
