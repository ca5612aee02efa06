"""Test-time compute: accuracy after each segment at inference, up to the cap of training and, where it was run, beyond."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hrmlab.core.measures import EXACT_ACCURACY, Measure
from hrmlab.reporting import text
from hrmlab.reporting.collect.records import RunRecord, number
from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.reporting.compare import scores
from hrmlab.reporting.compare.pairing import named_random, same_examples
from hrmlab.statistics import calibrated
from hrmlab.statistics.intervals import Estimate
from hrmlab.statistics.samples import from_outcomes

_ROUNDING = 1e-9
"""Of a mean over outcomes that are right or wrong."""


@dataclass(frozen=True)
class BySegment:
    """Exact accuracy of an arm after 1..T segments, and the cap that it was trained with.

    Attributes:
        estimates: T means over seeds with their intervals, up to the fewest segments that any seed ran.
        cap: segments of training.
    """

    estimates: tuple[Estimate, ...]
    cap: int


def exact_measure(task: TaskRuns) -> Measure | None:
    """Exact accuracy as the task declares it, which is what is recorded after every segment; None where it does not."""
    return next((measure for measure in task.measures if measure.name == EXACT_ACCURACY.name), None)


def by_segment(task: TaskRuns) -> dict[str, BySegment]:
    """arm -> accuracy by segment, of the arms that have more than one; nothing on tasks that do not declare exact accuracy."""
    measure = exact_measure(task)
    if measure is None:
        return {}
    found = task.once("by segment", lambda: {arm: curve for arm in task.arms if (curve := _of_arm(task.runs(arm), measure)) is not None})
    return {arm: curve for arm, curve in found.items() if len(curve.estimates) > 1}


def segment_wording(study: Study) -> str:
    """What is measured after every segment, in the words of the tasks that have curves."""
    found = [measure.wording for task, _ in segment_curves(study) if (measure := exact_measure(task)) is not None]
    return text.listing(list(dict.fromkeys(found)), conjunction="or")


def segment_curves(study: Study) -> list[tuple[TaskRuns, Mapping[str, BySegment]]]:
    """The tasks on which any arm has more than one segment."""
    return [(task, curves) for task in study.tasks if (curves := by_segment(task))]


def _of_arm(runs: list[RunRecord], measure: Measure) -> BySegment | None:
    known = [(run, found) for run in runs if run.predictions is not None and (found := run.predictions.exact_by_segment) is not None]
    if not known:
        return None
    length = min(found.shape[1] for _, found in known)
    tables = [np.asarray(found[:, :length], dtype=float) for _, found in known]
    chosen = [run for run, _ in known]
    estimates = [_level(chosen, [table[:, place] for table in tables], measure) for place in range(length)]
    caps = [number(run.result.get("segments_cap")) or found.shape[1] for run, found in known]
    return BySegment(tuple(found for found in estimates if found is not None), int(min(caps)))


def _level(runs: list[RunRecord], outcomes: list[np.ndarray], measure: Measure) -> Estimate | None:
    """After one number of segments: for each run (N,) outcomes. Where they come to the runs' results these have their one interval."""
    same = same_examples(runs)
    counted = [np.isfinite(each) for each in outcomes]
    counted = [np.logical_and.reduce(counted)] * len(counted) if same else counted
    sample = from_outcomes([each[rows] for each, rows in zip(outcomes, counted, strict=True)], same_examples=same, kind="share")
    if sample is None:
        return None
    results = [run.test(measure.name) for run in runs]
    if None not in results and np.allclose(sample.levels, np.array(results, dtype=float), atol=_ROUNDING):
        return scores.on_test(runs, measure)
    return calibrated.level(sample, random=named_random("by segment", *(f"{value:.9f}" for value in sample.levels)))
