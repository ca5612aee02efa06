"""Learning curves of a task: a validation measure of each seed and their mean, on every axis on which arms can be held equal."""

from dataclasses import dataclass

import numpy as np

from hrmlab.reporting.collect.study import TaskRuns
from hrmlab.reporting.compare.clock import clock
from hrmlab.reporting.compare.progress import AXES, Axis, SeedCurve, seed_curves


@dataclass(frozen=True)
class ArmCurves:
    """The curves of an arm's seeds, and at the steps that all of them have their mean and their (K,) lowest and highest values."""

    seeds: list[SeedCurve]
    mean: SeedCurve
    lowest: np.ndarray
    highest: np.ndarray


def learning_curves(task: TaskRuns, metric: str) -> dict[str, ArmCurves]:
    """Curves of every arm that recorded the metric (``val/exact_accuracy``, ``val/cell_accuracy``), all by one clock."""
    time = clock(task)
    found = {arm: list(seed_curves(task.runs(arm), metric, time).values()) for arm in task.arms}
    return {arm: _together(seeds) for arm, seeds in found.items() if seeds}


def _together(seeds: list[SeedCurve]) -> ArmCurves:
    common = seeds[0].x["steps"]
    for curve in seeds[1:]:
        common = np.intersect1d(common, curve.x["steps"])
    chosen = [np.searchsorted(curve.x["steps"], common) for curve in seeds]
    axes: list[Axis] = [axis for axis in AXES if all(axis in curve.x for curve in seeds)]
    values = np.stack([curve.values[rows] for curve, rows in zip(seeds, chosen, strict=True)])
    positions: dict[Axis, np.ndarray] = {
        axis: np.mean([curve.x[axis][rows] for curve, rows in zip(seeds, chosen, strict=True)], axis=0) for axis in axes
    }
    return ArmCurves(seeds, SeedCurve(values.mean(axis=0), positions), values.min(axis=0), values.max(axis=0))
