"""What several tasks say together, where they are scored by shares: for arms that were run on all of them."""

from collections.abc import Iterator

import numpy as np

from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.reporting.compare.pairing import named_random
from hrmlab.statistics.intervals import Estimate
from hrmlab.statistics.over_tasks import interquartile_mean, performance_profile, probability_of_improvement

_FEWEST_TASKS, _FEWEST_FOR_PROFILES = 2, 5
LEVELS = np.linspace(0.0, 1.0, 101)
"""At which profiles are drawn."""


def arms_on_all_tasks(study: Study) -> list[str]:
    """The arms that can be summed up over tasks; empty where the study has one task, or measures that are no shares."""
    shares = all(task.measure.unit == "share" and task.measure.larger_is_better for task in study.tasks)
    if len(study.tasks) < _FEWEST_TASKS or not shares:
        return []
    return [arm for arm in study.arms if all(_scores(task, arm) and not task.leaks(arm) for task in study.tasks)]


def interquartile_means(study: Study) -> dict[str, Estimate]:
    """arm -> interquartile mean over tasks and seeds."""
    found = {arm: interquartile_mean(_all(study, arm), random=named_random("iqm", study.name, arm)) for arm in arms_on_all_tasks(study)}
    return {arm: estimate for arm, estimate in found.items() if estimate is not None}


def improvements(study: Study) -> Iterator[tuple[str, str, Estimate]]:
    """(arm, opponent, probability of improvement) of what the study asks."""
    arms = arms_on_all_tasks(study)
    for arm, opponent in study.roles.asked_pairs(study.arms):
        if arm in arms and opponent in arms:
            random = named_random("improvement", study.name, arm, opponent)
            estimate = probability_of_improvement(_all(study, arm), _all(study, opponent), random=random)
            if estimate is not None:
                yield arm, opponent, estimate


def equal_draws(study: Study) -> bool:
    """Whether any of these has no interval because every draw of the seeds comes to the same."""
    estimates = [*interquartile_means(study).values(), *(estimate for _, _, estimate in improvements(study))]
    return any(estimate.all_equal for estimate in estimates)


def profiles(study: Study) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """arm -> share of runs above each of :data:`LEVELS` with its limits; empty with fewer than five tasks."""
    if len(study.tasks) < _FEWEST_FOR_PROFILES:
        return {}
    return {
        arm: performance_profile(_all(study, arm), LEVELS, random=named_random("profile", study.name, arm))
        for arm in arms_on_all_tasks(study)
    }


def _all(study: Study, arm: str) -> list[list[float]]:
    return [_scores(task, arm) for task in study.tasks]


def _scores(task: TaskRuns, arm: str) -> list[float]:
    return [value for run in task.runs(arm) if (value := run.test(task.measure.name)) is not None]
