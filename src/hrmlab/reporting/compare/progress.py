"""How far training has come at each validation, on every axis on which arms can be held equal: steps, examples, FLOPs and time."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from hrmlab.core.measures import CELL_ACCURACY, Measure
from hrmlab.reporting.collect.records import RunRecord, number
from hrmlab.reporting.collect.series import Curve
from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.reporting.compare.clock import Clock
from hrmlab.statistics.convergence import NEXT_TO_NOTHING

Axis = Literal["steps", "examples", "flops", "time"]
AXES: tuple[Axis, ...] = get_args(Axis)
EQUAL: dict[Axis, str] = {
    "steps": "equal steps",
    "examples": "equal examples drawn",
    "flops": "equal training FLOPs",
    "time": "equal time",
}


@dataclass(frozen=True)
class SeedCurve:
    """(K,) validation values of one run and, for each axis that was recorded, (K,) positions; NaN where a position is not known."""

    values: np.ndarray
    x: dict[Axis, np.ndarray]

    def on(self, axis: Axis) -> tuple[np.ndarray, np.ndarray]:
        """(positions, values) at the points whose position is known and beyond the one before; empty where the axis was not recorded."""
        positions = self.x.get(axis, np.full(len(self.values), np.nan))
        known = np.flatnonzero(np.isfinite(positions))
        furthest = np.maximum.accumulate(positions[known])
        kept = known[np.diff(furthest, prepend=-np.inf) > 0]
        return positions[kept], self.values[kept]


def by_importance(task: TaskRuns) -> list[Measure]:
    """The declared measures: first what counts, then others that could count, then the rest."""
    return sorted(task.measures, key=lambda measure: (measure.name != task.measure.name, not measure.counts))


def validation_measures(task: TaskRuns) -> list[Measure]:
    """The declared measures that training validated in any run, by importance."""
    return [measure for measure in by_importance(task) if any(f"val/{measure.name}" in run.curves for run in task)]


def followed_measure(task: TaskRuns) -> Measure | None:
    """The measure whose curve tells how a whole answer is learned; None where none was validated.

    Single cells do not stand in for it, with one exception: whole answers were found right on the test split, and what training validated
    of them saw nothing in any run (code that passes its tests is seldom the reference, letter by letter).
    """
    measures = validation_measures(task)
    whole = [measure for measure in measures if measure.name != CELL_ACCURACY.name]
    telling = [measure for measure in whole if not _sees_nothing(task, measure)]
    if telling or not whole:
        return next(iter(telling), None)
    return next((measure for measure in measures if measure.name == CELL_ACCURACY.name), whole[0])


def _sees_nothing(task: TaskRuns, measure: Measure) -> bool:
    """Whether a share that stands in for what counts stays next to nothing in all runs, where the tests of some came to more."""
    if measure.name == task.measure.name or measure.unit != "share" or not measure.larger_is_better:
        return False
    tested = [value for run in task if (value := run.test(task.measure.name)) is not None]
    curves = [curve for run in task if (curve := run.curves.get(f"val/{measure.name}")) is not None]
    return max(tested, default=0.0) > NEXT_TO_NOTHING >= max((float(curve.values.max()) for curve in curves), default=0.0)


def stand_ins(study: Study) -> list[str]:
    """A sentence for each task whose curves are of another measure than the one that counts, or of none."""
    said = []
    for task in study.tasks:
        followed = followed_measure(task)
        if followed is None:
            said.append(f"On {task.label} training validated no measure of whole {task.words.answer}s, so there is nothing to read.")
        elif followed.name != task.measure.name:
            said.append(f"On {task.label} training does not validate {task.measure.wording}; what is read there is {followed.wording}.")
    return said


def validation_examples(run: RunRecord) -> int | None:
    """How many examples a validation during training measured."""
    whole = number(((run.data.get("splits") or {}).get("validation") or {}).get("count"))
    limit = number(run.configured("training.validation_examples"))
    known = [int(value) for value in (whole, limit) if value]
    return min(known) if known else None


def seed_curve(run: RunRecord, metric: str, clock: Clock) -> SeedCurve | None:
    """A run's validation curve on all axes; None where the metric was not recorded.

    Args:
        metric: such as ``val/exact_accuracy``.
        clock: which time, the same for all runs that are held against each other.
    """
    curve = run.curves.get(metric)
    if curve is None:
        return None
    x: dict[Axis, np.ndarray] = {"steps": curve.steps.astype(float)}
    drawn = run.curves.get("train/examples_drawn")
    if drawn is not None:
        x["examples"] = _at(curve, *_with_total(drawn, run))
    flops, steps = run.training("flops"), run.training("steps")
    if flops and steps:
        x["flops"] = curve.steps * (flops / steps)
    processor = run.curves.get("train/cpu_seconds")
    if clock.kind == "wall time":
        x["time"] = curve.seconds
    elif processor is not None:
        x["time"] = _at(curve, processor.steps, processor.values)
    return SeedCurve(curve.values, {axis: positions for axis, positions in x.items() if np.isfinite(positions).any()})


def _at(curve: Curve, steps: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(K,) a running total, zero before the first step, at the curve's steps; NaN beyond what was logged."""
    return np.interp(curve.steps, np.r_[0, steps], np.r_[0.0, values], right=np.nan)


def _with_total(drawn: Curve, run: RunRecord) -> tuple[np.ndarray, np.ndarray]:
    """The logged examples drawn, and the run's total at its last step where the log ends before."""
    steps, total = run.training("steps"), run.training("examples_drawn")
    if steps is None or total is None or steps <= drawn.steps[-1] or total < drawn.values[-1]:
        return drawn.steps, drawn.values
    return np.r_[drawn.steps, steps], np.r_[drawn.values, total]


def seed_curves(runs: Iterable[RunRecord], metric: str, clock: Clock) -> dict[int, SeedCurve]:
    """seed -> curve, of the runs that recorded the metric."""
    return {run.labels.seed: curve for run in runs if (curve := seed_curve(run, metric, clock)) is not None}
