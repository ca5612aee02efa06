"""Seconds of a whole training step (draw, augment, segment, look-ahead, loss, backward, optimizer) as Lightning runs it."""

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.process import in_fresh_process

_SUDOKU = {"_target_": "hrmlab.data.sudoku.task.SudokuTask", "train_examples": 500, "validation_examples": 50, "test_examples": 50}
_SHAPE = {"hidden_size": None, "num_heads": None, "mlp_width": None}
HRM128 = {
    "model": {"_target_": "hrmlab.models.hrm.HRM", "name": "hrm", "hidden_size": 128, "num_heads": 4, "mlp_width": 512},
    "size": {"name": "bench", "parameters": 2_200_000, "head_size": 32},
    "data": _SUDOKU,
}
_TRM128 = {
    "model": {"_target_": "hrmlab.models.trm.TRM", "name": "trm", "hidden_size": 128, "num_heads": 4, "mlp_width": 512},
    "size": {"name": "bench", "parameters": 560_000, "head_size": 32},
    "data": _SUDOKU,
}
_ADAMW = {"name": "adamw", "target": "hrmlab.training.optimizers.adamw"}
_NANO = {
    "model": {
        "_target_": "hrmlab.models.hrm.HRM",
        "name": "hrm",
        **_SHAPE,
        "h_layers": 2,
        "l_layers": 2,
        "max_segments": 4,
        "halting": False,
    },
    "size": {"name": "nano", "parameters": 100_000, "head_size": 16},
}
_MUON = {"name": "muon", "target": "hrmlab.training.optimizers.muon"}
_ARMS = {
    "hrm": {"_target_": "hrmlab.models.hrm.HRM", "name": "hrm", **_SHAPE},
    "transformer": {"_target_": "hrmlab.models.transformer.Transformer", "name": "transformer", **_SHAPE},
    "deep_supervision_transformer": {
        "_target_": "hrmlab.models.deep_supervision_transformer.DeepSupervisionTransformer",
        "name": "deep_supervision_transformer",
        **_SHAPE,
    },
}


def hrm128(options: dict[str, str]) -> dict[str, Any]:
    """HRM hidden 128, 4 + 4 layers, 4 heads, H2 L2, sequence 81, batch 32, 16 segments: the setting that neighbours are compared at."""
    return _by_precision_and_mode(HRM128, options)


def trm128(options: dict[str, str]) -> dict[str, Any]:
    """TRM hidden 128, 2 blocks, 4 heads, H3 L6, sequence 81, batch 32, 16 segments."""
    return _by_precision_and_mode(_TRM128, options)


def nano(options: dict[str, str]) -> dict[str, Any]:
    """HRM at size nano as the committed studies train it: 4x4 and hard 6x6 Sudoku, Muon, compiled, every example all segments."""
    figures: dict[str, Any] = {}
    for side in (4, 6):
        for precision in options.get("precisions", "fp32,bf16").split(","):
            optimizer = {**_MUON, "options": {"newton_schulz_precision": precision}}
            spec = {**_NANO, "data": {**_SUDOKU, "side": side}, "precision": precision, "optimizer": optimizer}
            step = _timed({**spec, "compile": True}, options)["step_s"]
            limit = _arithmetic(spec, options)
            share = round(limit["arithmetic_s"] / step, 2)
            figures.setdefault(f"{side}x{side}", {})[precision] = {"step_s": step, **limit, "share_of_limit": share}
    return figures


def _by_precision_and_mode(setting: dict[str, Any], options: dict[str, str]) -> dict[str, Any]:
    figures: dict[str, Any] = {"step_s": {}, "segments_per_s": {}, "peak_memory_mib": {}, "arithmetic_s": {}, "share_of_limit": {}}
    for precision in options.get("precisions", "fp32,bf16").split(","):
        limit = _arithmetic({**setting, "precision": precision}, options)["arithmetic_s"]
        figures["arithmetic_s"][precision] = limit
        for mode in options.get("modes", "eager,compiled").split(","):
            spec = {**setting, "precision": precision, "compile": mode == "compiled"}
            result = _timed(spec, options)
            figures["step_s"].setdefault(precision, {})[mode] = result["step_s"]
            figures["segments_per_s"].setdefault(precision, {})[mode] = round(32 / result["step_s"], 1)
            figures["peak_memory_mib"].setdefault(precision, {})[mode] = result["peak_memory_mib"]
            figures["share_of_limit"].setdefault(precision, {})[mode] = round(limit / result["step_s"], 2)
    return figures


def arms(options: dict[str, str]) -> dict[str, Any]:
    """Every arm at size nano on 4x4 Sudoku, batch 32."""
    size = {"name": "nano", "parameters": 200_000, "head_size": 16}
    data = {**_SUDOKU, "side": 4}
    specs = {name: {"model": model, "size": size, "data": data, "precision": "fp32", "compile": False} for name, model in _ARMS.items()}
    return {"step_s": {name: _timed(spec, options)["step_s"] for name, spec in specs.items()}}


def _timed(spec: dict[str, Any], options: dict[str, str]) -> dict[str, Any]:
    job = {**spec, "threads": int(options["threads"]), "steps": int(options.get("steps", "12"))}
    return in_fresh_process("benchmarks.train_step", job)


def _arithmetic(spec: dict[str, Any], options: dict[str, str]) -> dict[str, Any]:
    return in_fresh_process("benchmarks.arithmetic", {**spec, "compile": False, "threads": int(options["threads"])})


def measure(job: dict[str, Any]) -> dict[str, Any]:
    """Median wall time of a step after warm-up, in this process."""
    warm_up, ends = 4, list[float]()
    train(job, warm_up + job["steps"], ended=lambda: ends.append(time.perf_counter()))
    steps = sorted(after - before for before, after in zip(ends[warm_up - 1 :], ends[warm_up:], strict=False))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"step_s": round(steps[len(steps) // 2], 4), "peak_memory_mib": round(peak)}


def train(job: dict[str, Any], steps: int, *, started: Callable[[], None] = lambda: None, ended: Callable[[], None] = lambda: None) -> None:
    """Train for some steps in this process.

    Args:
        job: sections ``model``, ``size`` and ``data`` as in conf/, ``precision``, ``compile`` and ``threads``; ``batch_size`` (32),
            ``optimizer`` (AdamW) and ``accelerator`` (``cpu``) may be left out.
        steps: how many.
        started: called before each step.
        ended: called after each.
    """
    import lightning.pytorch as pl
    import torch

    from hrmlab.budget.solver import build_reasoner
    from hrmlab.core.components import Component, build
    from hrmlab.training.datamodule import TaskDataModule
    from hrmlab.training.losses import LossOptions
    from hrmlab.training.module import SegmentTraining
    from hrmlab.training.process import keep_freed_memory

    class Clock(pl.Callback):
        """Tells when a step begins and ends."""

        def on_train_batch_start(self, *_: Any, **__: Any) -> None:
            started()

        def on_train_batch_end(self, *_: Any, **__: Any) -> None:
            ended()

    keep_freed_memory()
    torch.set_num_threads(job["threads"])
    task = build(job["data"])
    reasoner, _ = build_reasoner(model=job["model"], task=task.spec, size=job["size"], match="parameters", seed=0)
    if job["compile"]:
        reasoner.compile_stacks()
    optimizer = job.get("optimizer", _ADAMW)
    module = SegmentTraining(
        reasoner=reasoner,
        task=task,
        optimizer=Component(optimizer["name"], optimizer["target"], {"learning_rate": 1e-4, **optimizer.get("options", {})}),
        steps=10_000,
        batch_size=job.get("batch_size", 32),
        precision=job["precision"],
        loss=LossOptions(kind="stablemax"),
        gradient_clip=None,
        seed=0,
        log_every_steps=20,
    )
    trainer = pl.Trainer(
        accelerator=job.get("accelerator", "cpu"),
        devices=1,
        max_steps=steps,
        limit_val_batches=0,
        logger=False,
        callbacks=[Clock()],
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
    )
    trainer.fit(module, datamodule=TaskDataModule(task=task, seed=0, evaluation_batch_size=64, progress=False))


if __name__ == "__main__":
    print(json.dumps(measure(json.loads(sys.argv[1]))))
