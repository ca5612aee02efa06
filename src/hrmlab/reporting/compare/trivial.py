"""Arms against solvers that learn nothing: the best of them is each task's trivial baseline, and an arm below it is called that.

What they score stands in data.json; the report computes nothing of it. A solver that answers every example right is no baseline but says
what the task is: such puzzles need no more than what it does.
"""

from dataclasses import dataclass

import numpy as np

from hrmlab.core.measures import Measure
from hrmlab.reporting import text
from hrmlab.reporting.collect.records import number
from hrmlab.reporting.collect.study import Study, TaskRuns


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
    """An arm that is worse than a solver that learns nothing.

    Attributes:
        value: mean over the arm's seeds.
    """

    arm: str
    measure: Measure
    value: float
    solver: TrivialSolver


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


def below(task: TaskRuns) -> list[Below]:
    """The arms below the trivial baseline: on the measure that counts; of those that do not stand out from it there, on another one.

    Arms that see the future are left out. A difference below half an example of the test split is none.
    """
    found = []
    for arm in task.arms:
        if not task.runs(arm) or task.leaks(arm):
            continue
        for measure in (task.measure, *(item for item in task.measures if item.name != task.measure.name)):
            solver, value = best(task, measure), _mean(task, arm, measure)
            if solver is None or value is None:
                continue
            gap = (value - solver.values[measure.name]) * (1 if measure.larger_is_better else -1)
            margin = _half_an_example(task, arm) if measure.unit == "share" else 0.0
            if gap < -margin:
                found.append(Below(arm=arm, measure=measure, value=value, solver=solver))
            if abs(gap) > margin:  # above or below, this measure has spoken
                break
    return found


def sentences(study: Study) -> list[str]:
    """Which arms are below which baseline, one sentence for each task, measure and baseline."""
    found = []
    for task in study.tasks:
        together: dict[tuple[str, str], list[Below]] = {}
        for item in below(task):
            together.setdefault((item.measure.name, item.solver.name), []).append(item)
        for items in together.values():
            measure, solver = items[0].measure, items[0].solver
            arms = text.listing([f"`{item.arm}` ({text.level(item.value, measure.unit)})" for item in items])
            reached = text.level(solver.values[measure.name], measure.unit, named=True)
            verb = "is" if len(items) == 1 else "are"
            found.append(
                f"**{task.label}**: {arms} {verb} below the trivial baseline in {measure.wording}: *{solver.name}* reaches {reached}."
            )
    return found


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


def _mean(task: TaskRuns, arm: str, measure: Measure) -> float | None:
    known = [value for run in task.runs(arm) if (value := run.test(measure.name)) is not None]
    return float(np.mean(known)) if known else None


def _half_an_example(task: TaskRuns, arm: str) -> float:
    """Half of what one test example adds to a mean over the arm's seeds."""
    counts = [count for run in task.runs(arm) if (count := run.test("count"))]
    return 0.5 / sum(counts) if counts else 0.0
