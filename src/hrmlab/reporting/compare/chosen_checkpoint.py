"""Which checkpoint stands for a run: the one with the best validation, by which measure, and what a curve says of it on the way."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hrmlab.core.measures import Measure
from hrmlab.reporting.collect.records import RunRecord
from hrmlab.reporting.collect.study import TaskRuns
from hrmlab.reporting.compare.progress import SeedCurve, by_importance


def rule_of(run: RunRecord) -> str:
    """``best`` or ``last``: which checkpoint met the test split; ``not recorded`` in records that do not say."""
    return str((run.summary.get("checkpoint") or {}).get("rule") or "not recorded")


def chosen_by(task: TaskRuns) -> Measure:
    """The measure that chooses a checkpoint: what counts, or where validation does not measure that, the next that could."""
    for measure in by_importance(task):
        if any((run.summary.get("validation") or {}).get(measure.name) is not None for run in task):
            return measure
    return task.measure


def keeps_best(task: TaskRuns, runs: Sequence[RunRecord], measure: Measure) -> bool:
    """Whether all of these runs met the test split with the checkpoint whose validation of this measure was the best."""
    return measure.name == chosen_by(task).name and all(rule_of(run) == "best" for run in runs)


def best_so_far(curve: SeedCurve, measure: Measure) -> SeedCurve:
    """(K,) at each validation the best value until then: what a run that had ended there would have kept."""
    best = np.maximum if measure.larger_is_better else np.minimum
    return replace(curve, values=best.accumulate(curve.values))
