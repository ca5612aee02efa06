"""Test-time compute: accuracy after each segment at inference, up to the cap of training and, where it was run, beyond."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hrmlab.core.measures import EXACT_ACCURACY
from hrmlab.reporting.collect.records import RunRecord, number
from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.reporting.compare.pairing import examples_behind, named_random
from hrmlab.statistics import calibrated
from hrmlab.statistics.intervals import Estimate
from hrmlab.statistics.samples import from_levels


@dataclass(frozen=True)
class BySegment:
    """Exact accuracy of an arm after 1..T segments, and the cap that it was trained with.

    Attributes:
        estimates: T means over seeds with their intervals, up to the fewest segments that any seed ran.
        cap: segments of training.
    """

    estimates: tuple[Estimate, ...]
    cap: int


def by_segment(task: TaskRuns) -> dict[str, BySegment]:
    """arm -> accuracy by segment, of the arms that have more than one; nothing on tasks that do not declare exact accuracy."""
    if EXACT_ACCURACY.name not in {measure.name for measure in task.measures}:
        return {}
    found = task.once("by segment", lambda: {arm: curve for arm in task.arms if (curve := _of_arm(task.runs(arm))) is not None})
    return {arm: curve for arm, curve in found.items() if len(curve.estimates) > 1}


def segment_curves(study: Study) -> list[tuple[TaskRuns, Mapping[str, BySegment]]]:
    """The tasks on which any arm has more than one segment."""
    return [(task, curves) for task in study.tasks if (curves := by_segment(task))]


def _of_arm(runs: list[RunRecord]) -> BySegment | None:
    known = [(run, means) for run in runs if run.predictions is not None and (means := run.predictions.exact_by_segment) is not None]
    if not known:
        return None
    length = min(len(means) for _, means in known)
    levels = np.stack([means[:length] for _, means in known])
    counts = [count for run, _ in known if (count := examples_behind(run.result))]
    examples = int(min(counts)) if counts else None
    estimates = [_level(levels[:, place], examples) for place in range(length)]
    caps = [number(run.result.get("segments_cap")) or len(means) for run, means in known]
    return BySegment(tuple(found for found in estimates if found is not None), int(min(caps)))


def _level(levels: np.ndarray, examples: int | None) -> Estimate | None:
    """(seeds,) shares with the interval for new seeds and new examples."""
    sample = from_levels(levels.tolist(), kind="share", examples=examples)
    return None if sample is None else calibrated.level(sample, random=named_random("by segment", *(f"{value:.9f}" for value in levels)))
