"""Learning curves of a task: a validation accuracy of each seed and their mean, against steps, examples and FLOPs."""

from dataclasses import dataclass

import numpy as np

from hrmlab.reporting.collect.records import RunRecord
from hrmlab.reporting.collect.study import TaskRuns

AXES = {"steps": "Optimizer steps", "examples": "Training examples drawn", "flops": "Training FLOPs"}


@dataclass(frozen=True)
class SeedCurve:
    """(K,) accuracies in 0..1 and, for each axis that was recorded, (K,) positions."""

    accuracy: np.ndarray
    x: dict[str, np.ndarray]


@dataclass(frozen=True)
class ArmCurves:
    """The curves of an arm's seeds, and at the steps that all of them have their mean and their (K,) lowest and highest accuracies."""

    seeds: list[SeedCurve]
    mean: SeedCurve
    lowest: np.ndarray
    highest: np.ndarray


def learning_curves(task: TaskRuns, metric: str) -> dict[str, ArmCurves]:
    """Curves of every arm that recorded the metric (``val/exact_accuracy``, ``val/cell_accuracy``)."""
    curves: dict[str, ArmCurves] = {}
    for arm in task.arms:
        seeds = [curve for run in task.runs(arm) if (curve := _of_run(run, metric)) is not None]
        if seeds:
            curves[arm] = _together(seeds)
    return curves


def _of_run(run: RunRecord, metric: str) -> SeedCurve | None:
    accuracy = run.curves.get(metric)
    if accuracy is None:
        return None
    x = {"steps": accuracy.steps.astype(float)}
    drawn = run.curves.get("train/examples_drawn")
    if drawn is not None:
        x["examples"] = np.interp(accuracy.steps, np.r_[0, drawn.steps], np.r_[0.0, drawn.values])
    flops, steps = run.training("flops"), run.training("steps")
    if flops and steps:
        x["flops"] = accuracy.steps * (flops / steps)
    return SeedCurve(accuracy.values, x)


def _together(seeds: list[SeedCurve]) -> ArmCurves:
    common = seeds[0].x["steps"]
    for curve in seeds[1:]:
        common = np.intersect1d(common, curve.x["steps"])
    chosen = [np.searchsorted(curve.x["steps"], common) for curve in seeds]
    axes = [axis for axis in AXES if all(axis in curve.x for curve in seeds)]
    accuracies = np.stack([curve.accuracy[rows] for curve, rows in zip(seeds, chosen, strict=True)])
    positions = {axis: np.mean([curve.x[axis][rows] for curve, rows in zip(seeds, chosen, strict=True)], axis=0) for axis in axes}
    return ArmCurves(seeds, SeedCurve(accuracies.mean(axis=0), positions), accuracies.min(axis=0), accuracies.max(axis=0))
