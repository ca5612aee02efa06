"""What the first figure shows: of each task every arm's seeds, their mean, and the difference to the baseline."""

from collections.abc import Sequence
from dataclasses import dataclass

from hrmlab.core.measures import Measure
from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.reporting.compare import scores
from hrmlab.reporting.compare.comparisons import Comparison
from hrmlab.reporting.compare.trivial import trivial_level
from hrmlab.statistics.intervals import Estimate


@dataclass(frozen=True, kw_only=True)
class ArmResult:
    """One arm on one task.

    Attributes:
        seeds: seed -> what the run of that seed came to.
        level: their mean with its interval; of one seed the interval over test examples.
        difference: to the baseline, with its interval; None for the baseline itself and where nothing is compared.
        finding: of the comparison with the baseline; empty without one.
        leaks: whether the arm sees what it is to predict.
    """

    arm: str
    seeds: dict[int, float]
    level: Estimate
    difference: Estimate | None
    finding: str
    leaks: bool


@dataclass(frozen=True, kw_only=True)
class TaskResults:
    """All arms on one task, in the study's order.

    Attributes:
        trivial: what the trivial baseline reaches; None where that is not known.
    """

    label: str
    measure: Measure
    arms: tuple[ArmResult, ...]
    trivial: float | None

    @property
    def compared(self) -> bool:
        """Whether any difference can be shown."""
        return any(arm.difference is not None for arm in self.arms)


def results(study: Study, comparisons: Sequence[Comparison]) -> list[TaskResults]:
    """Every task with something measured."""
    to_baseline = {(item.task, item.arm): item for item in comparisons if item.opponent == study.baseline}
    found = [_of_task(task, to_baseline) for task in study.tasks]
    return [item for item in found if item.arms]


def _of_task(task: TaskRuns, to_baseline: dict[tuple[str, str], Comparison]) -> TaskResults:
    measure = task.measure
    arms = []
    for arm in task.arms:
        level = scores.on_test(task.runs(arm), measure)
        if level is None:
            continue
        compared = to_baseline.get((task.label, arm))
        seeds = {seed: value for seed, run in sorted(task.arms[arm].items()) if (value := run.test(measure.name)) is not None}
        arms.append(
            ArmResult(
                arm=arm,
                seeds=seeds,
                level=level,
                difference=difference_of(compared),
                finding=compared.words if compared else "",
                leaks=bool(task.leaks(arm)),
            )
        )
    return TaskResults(label=task.label, measure=measure, arms=tuple(arms), trivial=trivial_level(task))


def difference_of(compared: Comparison | None) -> Estimate | None:
    """The difference of a comparison with its interval; None without a common seed."""
    return compared.estimate if compared is not None else None
