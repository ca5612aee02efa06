"""Seconds of a whole training step (draw, augment, segment, look-ahead, loss, backward, optimizer) as Lightning runs it."""

import json
import resource
import sys
import time
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


def _by_precision_and_mode(setting: dict[str, Any], options: dict[str, str]) -> dict[str, Any]:
    figures: dict[str, Any] = {"step_s": {}, "segments_per_s": {}, "peak_memory_mib": {}}
    for precision in options.get("precisions", "fp32,bf16").split(","):
        for mode in options.get("modes", "eager,compiled").split(","):
            spec = {**setting, "precision": precision, "compile": mode == "compiled"}
            result = _timed(spec, options)
            figures["step_s"].setdefault(precision, {})[mode] = result["step_s"]
            figures["segments_per_s"].setdefault(precision, {})[mode] = round(32 / result["step_s"], 1)
            figures["peak_memory_mib"].setdefault(precision, {})[mode] = result["peak_memory_mib"]
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


def measure(job: dict[str, Any]) -> dict[str, Any]:
    """Median wall time of a step after warm-up, in this process."""
    import lightning.pytorch as pl
    import torch

    from hrmlab.budget.solver import build_reasoner
    from hrmlab.core.components import Component, build
    from hrmlab.training.datamodule import TaskDataModule
    from hrmlab.training.losses import LossOptions
    from hrmlab.training.module import SegmentTraining
    from hrmlab.training.process import keep_freed_memory

    class Clock(pl.Callback):
        """When each step ended."""

        def __init__(self) -> None:
            self.ends: list[float] = []

        def on_train_batch_end(self, *_: Any, **__: Any) -> None:
            self.ends.append(time.perf_counter())

    keep_freed_memory()
    torch.set_num_threads(job["threads"])
    task = build(job["data"])
    reasoner, _ = build_reasoner(model=job["model"], task=task.spec, size=job["size"], match="parameters", seed=0)
    if job["compile"]:
        reasoner.compile_stacks()
    warm_up, clock = 4, Clock()
    module = SegmentTraining(
        reasoner=reasoner,
        task=task,
        optimizer=Component("adamw", "hrmlab.training.optimizers.adamw", {"learning_rate": 1e-4}),
        steps=10_000,
        batch_size=32,
        precision=job["precision"],
        loss=LossOptions(kind="stablemax"),
        gradient_clip=None,
        seed=0,
        log_every_steps=20,
    )
    trainer = pl.Trainer(
        accelerator="cpu",
        max_steps=warm_up + job["steps"],
        limit_val_batches=0,
        logger=False,
        callbacks=[clock],
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
    )
    trainer.fit(module, datamodule=TaskDataModule(task=task, seed=0, evaluation_batch_size=64, progress=False))
    steps = sorted(after - before for before, after in zip(clock.ends[warm_up - 1 :], clock.ends[warm_up:], strict=False))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"step_s": round(steps[len(steps) // 2], 4), "peak_memory_mib": round(peak)}


if __name__ == "__main__":
    print(json.dumps(measure(json.loads(sys.argv[1]))))
