"""What the arms are and what they took: size, FLOPs, time, memory."""

import numpy as np

from hrmlab.reporting import text
from hrmlab.reporting.collect.records import RunRecord, number
from hrmlab.reporting.collect.study import Study
from hrmlab.reporting.tables.main import Table, over_seeds, value_of


def budget_table(study: Study) -> Table:
    """Size and FLOPs of every arm on every task, means over seeds."""
    rows = []
    for task in study.tasks:
        for arm in task.arms:
            gap, *shape = (_budget(task.runs(arm), name) for name in ("gap", "hidden_size", "num_heads", "mlp_width"))
            rows.append(
                (
                    task.label,
                    task.name(arm),
                    text.count(_budget(task.runs(arm), "parameters")),
                    text.count(_budget(task.runs(arm), "non_embedding_parameters")),
                    text.NOT_AVAILABLE if gap is None else f"{100 * gap:+.2f} %".replace("-", "−"),
                    " / ".join(text.count(value) for value in shape),
                    text.quantity(_budget(task.runs(arm), "flops_per_training_example"), "FLOPs"),
                    text.quantity(_budget(task.runs(arm), "flops_per_inference_example"), "FLOPs"),
                    text.quantity(_total(task.runs(arm), "flops"), "FLOPs"),
                )
            )
    columns = (
        "Task",
        "Arm",
        "Parameters",
        "Without embeddings",
        "Gap to target",
        "Hidden / heads / MLP",
        "Per training example",
        "Per inference example",
        "Whole training",
    )
    return Table(columns, tuple(rows), labels=2)


def cost_table(study: Study) -> Table:
    """What training took, means over seeds."""
    rows = [
        (
            task.label,
            task.name(arm),
            text.count(_total(task.runs(arm), "steps")),
            text.count(_total(task.runs(arm), "segments")),
            text.count(_total(task.runs(arm), "examples_drawn")),
            text.duration(_total(task.runs(arm), "wall_seconds")),
            text.quantity(value_of(over_seeds(task.runs(arm), examples_per_second))),
            text.memory(_total(task.runs(arm), "peak_memory_bytes")),
        )
        for task in study.tasks
        for arm in task.arms
    ]
    columns = ("Task", "Arm", "Steps", "Segments trained", "Examples drawn", "Wall time", "Examples/s", "Peak memory")
    return Table(columns, tuple(rows), labels=2)


def _budget(runs: list[RunRecord], name: str) -> float | None:
    return value_of(over_seeds(runs, lambda run: number(run.budget.get(name))))


def _total(runs: list[RunRecord], name: str) -> float | None:
    return value_of(over_seeds(runs, lambda run: run.training(name)))


def examples_per_second(run: RunRecord) -> float | None:
    """Median of the logged training speed; where none was logged, examples drawn over wall time."""
    curve = run.curves.get("train/examples_per_second")
    if curve is not None:
        return float(np.median(curve.values))
    drawn, seconds = run.training("examples_drawn"), run.training("wall_seconds")
    return drawn / seconds if drawn and seconds else None
