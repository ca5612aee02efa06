"""Arms against solvers that learn nothing: the best of them is each task's trivial baseline, and an arm below it is called that.

Below is an arm whose whole interval is; of one whose mean alone is, that is said.

What they score stands in data.json; the report computes nothing of it. A solver that answers every example right is no baseline but says
what the task is: such puzzles need no more than what it does.
"""

from dataclasses import dataclass

import numpy as np

from hrmlab.core.measures import Measure
from hrmlab.reporting import text
from hrmlab.reporting.collect.records import number
from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.reporting.compare.scores import on_test
from hrmlab.statistics.intervals import Estimate


@dataclass(frozen=True, kw_only=True)
class TrivialSolver:
    """One solver on one task's test split.

    Attributes:
        count: test examples that it answered.
        values: by the measure's name.
    """

    name: str
    meaning: str
    count: int
    values: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Below:
    """An arm whose mean over seeds is worse than a solver that learns nothing.

    Attributes:
        level: of the arm, with its interval where there is one.
    """

    arm: str
    measure: Measure
    level: Estimate
    solver: TrivialSolver

    @property
    def is_shown(self) -> bool:
        """Whether the interval is on that side too: its better end is worse than the solver."""
        end = self.level.high if self.measure.larger_is_better else self.level.low
        return end is not None and is_worse(end, self.solver.values[self.measure.name], self.measure)


def is_worse(value: float, other: float, measure: Measure) -> bool:
    """Whether a value is worse than another one."""
    return value < other if measure.larger_is_better else value > other


def solvers(task: TaskRuns) -> tuple[TrivialSolver, ...]:
    """All that the first run with any recorded: they depend on the data alone, which the runs of a task share."""
    recorded = next((found for run in task if (found := run.data.get("trivial"))), [])
    return tuple(
        TrivialSolver(
            name=entry["name"],
            meaning=entry["meaning"],
            count=int(number(entry.get("count")) or 0),
            values={name: value for name, given in entry.items() if name != "count" and (value := number(given)) is not None},
        )
        for entry in recorded
        if entry.get("name") and entry.get("meaning")
    )


def solves_everything(task: TaskRuns) -> TrivialSolver | None:
    """The first solver that has the measure that counts at 1, where it is a share."""
    measure = task.measure
    return next((item for item in solvers(task) if measure.unit == "share" and item.values.get(measure.name) == 1.0), None)


def best(task: TaskRuns, measure: Measure) -> TrivialSolver | None:
    """The trivial baseline: the best solver under a measure, of those that do not solve everything."""
    perfect = {item.name for item in solvers(task) if task.measure.unit == "share" and item.values.get(task.measure.name) == 1.0}
    able = [item for item in solvers(task) if measure.name in item.values and item.name not in perfect]
    sign = 1 if measure.larger_is_better else -1
    return max(able, key=lambda item: sign * item.values[measure.name], default=None)


def trivial_level(task: TaskRuns) -> float | None:
    """What the trivial baseline reaches on the measure that counts; of runs older than those, what guessing reaches."""
    measure = task.measure
    if (solver := best(task, measure)) is not None:
        return solver.values[measure.name]
    known = [value for run in task if (value := number((run.data.get("chance") or {}).get(measure.name))) is not None]
    return float(np.mean(known)) if known else None


def below(task: TaskRuns) -> list[Below]:
    """The arms whose mean is below the trivial baseline on the measure that counts; of those that do not stand out there, on another one.

    Arms that see the future are left out. A difference below half an example of the test split is none.
    """
    found = []
    for arm in task.arms:
        if not task.runs(arm) or task.leaks(arm):
            continue
        for measure in (task.measure, *(item for item in task.measures if item.name != task.measure.name)):
            solver, level = best(task, measure), on_test(task.runs(arm), measure)
            if solver is None or level is None:
                continue
            gap = abs(level.value - solver.values[measure.name])
            margin = _half_an_example(task, arm) if measure.unit == "share" else 0.0
            if gap > margin and is_worse(level.value, solver.values[measure.name], measure):
                found.append(Below(arm=arm, measure=measure, level=level, solver=solver))
            if gap > margin:  # above or below, this measure has spoken
                break
    return found


def sentences(study: Study) -> list[str]:
    """Which arms, or whose means alone, are below which baseline: one sentence for each task, measure and baseline."""
    found = []
    for task in study.tasks:
        together: dict[tuple[str, str, bool], list[Below]] = {}
        for item in below(task):
            together.setdefault((item.measure.name, item.solver.name, not item.is_shown), []).append(item)
        found += [f"**{task.label}**: {_sentence(items)}" for _, items in sorted(together.items(), key=lambda pair: pair[0][2])]
    return found


def _sentence(items: list[Below]) -> str:
    """Of arms that are below one baseline under one measure, all with their intervals or all without."""
    measure, solver, several = items[0].measure, items[0].solver, len(items) > 1
    if items[0].is_shown:
        arms, doubt = [f"`{item.arm}` ({text.level(item.level.value, measure.unit)})" for item in items], ""
        said = f"{text.listing(arms)} {'are' if several else 'is'}"
    else:
        arms = [f"`{item.arm}` ({text.level(item.level.value, measure.unit)} {_interval(item)})" for item in items]
        doubt = f", which {'their intervals do' if several else 'its interval does'} not show"
        said = f"the {'means' if several else 'mean'} of {text.listing(arms)} {'are' if several else 'is'}"
    reached = text.level(solver.values[measure.name], measure.unit, named=True)
    return f"{said} below the trivial baseline in {measure.wording}{doubt}: *{solver.name}* reaches {reached}."


def _interval(item: Below) -> str:
    return "without an interval" if item.level.low is None else text.level_interval(item.level, item.measure.unit)


def notes(study: Study) -> list[str]:
    """Which tasks a solver without learning answers completely."""
    found = []
    for task in study.tasks:
        if (solver := solves_everything(task)) is not None:
            found.append(
                f"{task.label}: *{solver.name}* answers every {task.words.example} right, so that these need no search and no learning; "
                "it is not the baseline here."
            )
    return found


def _half_an_example(task: TaskRuns, arm: str) -> float:
    """Half of what one test example adds to a mean over the arm's seeds."""
    counts = [count for run in task.runs(arm) if (count := run.test("count"))]
    return 0.5 / sum(counts) if counts else 0.0
