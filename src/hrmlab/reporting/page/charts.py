"""The learning curves of report.html, as data for the charts that a reader can point at."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hrmlab.core.measures import Measure, Unit
from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.reporting.compare.leaks import legend_label
from hrmlab.reporting.compare.progress import AXES, Axis, SeedCurve
from hrmlab.reporting.figures.curves import ArmCurves, learning_curves
from hrmlab.reporting.figures.drawing import Look, looks, scaled, unit_words
from hrmlab.reporting.figures.learning import axis_label, drawn_measures

_MOST_POINTS, _MOST_SEEDS = 120, 10
"""Of one curve, and of one arm: a page of many runs stays small."""
_DASHES = {"-": [], "--": [8, 4], "-.": [8, 4, 2, 4], ":": [2, 3]}


def charts(study: Study) -> list[dict[str, Any]]:
    """One chart for each curve figure, in the order of the figures: title, axes to choose from, and each arm's mean and seeds."""
    style = looks(study.arms)
    return [_chart(task, measure, file, style) for task in study.tasks for measure, file, _ in drawn_measures(task)]


def as_script(found: Sequence[Mapping[str, Any]]) -> str:
    """JSON that may stand in an HTML script element."""
    return json.dumps(found, separators=(",", ":"), ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")


def _chart(task: TaskRuns, measure: Measure, file: str, style: Mapping[str, Look]) -> dict[str, Any]:
    curves = learning_curves(task, f"val/{measure.name}")
    axes = {axis: axis_label(task, axis) for axis in AXES if any(axis in curve.x for arm in curves.values() for curve in arm.seeds)}
    return {
        "name": f"{file}_{task.task}_{task.size}",
        "label": f"Validation {measure.wording}{unit_words(measure.unit)}",
        "share": measure.unit == "share",
        "axes": axes,
        "arms": [_arm(task, arm, found, style[arm], measure.unit) for arm, found in curves.items()],
    }


def _arm(task: TaskRuns, arm: str, curves: ArmCurves, look: Look, unit: Unit) -> dict[str, Any]:
    mean = curves.mean if len(curves.seeds) > 1 and len(curves.mean.values) else curves.seeds[0]
    seeds = curves.seeds if 1 < len(curves.seeds) <= _MOST_SEEDS else []
    return {
        "name": legend_label([task], arm),
        "colour": look.colour,
        "dash": _DASHES[look.line],
        "mean": _by_axis(mean, unit),
        "seeds": [_by_axis(curve, unit) for curve in seeds],
    }


def _by_axis(curve: SeedCurve, unit: Unit) -> dict[Axis, list[list[float]]]:
    """axis -> [positions, values], thinned evenly; the first and the last point stay."""
    found: dict[Axis, list[list[float]]] = {}
    for axis in curve.x:
        positions, values = curve.on(axis)
        length = len(values)
        if length:
            chosen = np.unique(np.linspace(0, length - 1, min(length, _MOST_POINTS)).round().astype(int))
            found[axis] = [_rounded(positions[chosen]), _rounded(scaled(values[chosen], unit))]
    return found


def _rounded(values: np.ndarray) -> list[float]:
    return [float(f"{value:.5g}") for value in values.tolist()]
