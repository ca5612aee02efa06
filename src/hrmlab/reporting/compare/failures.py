"""Test examples that one of two arms alone solves: a few of each kind, chosen by a rule and not by eye."""

import re
from dataclasses import dataclass

import numpy as np

from hrmlab.core.measures import Measure
from hrmlab.reporting.collect.examples import AnsweredExample, read_examples
from hrmlab.reporting.collect.records import RunRecord
from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.reporting.compare.pairing import same_examples

_MOST = 2
_LONGEST = 2000
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One example with the answers of both arms.

    Attributes:
        index: its place in the test split.
        ours, theirs: what the arm in question and the other arm said.
        solved_by_us: which of the two is right.
    """

    index: int
    question: str
    answer: str
    ours: str
    theirs: str
    solved_by_us: bool


@dataclass(frozen=True, kw_only=True)
class TaskFailures:
    """Examples of one task on which two networks of one seed differ.

    Attributes:
        grid: (rows, columns) of the texts; None where they are no grids.
        palette: symbol -> colour, where the task declares cells to be colours.
        only_ours, only_theirs: how many of ``total`` test examples one of the two alone solves.
        example: what the task calls an example.
    """

    label: str
    arm: str
    opponent: str
    seed: int
    grid: tuple[int, int] | None
    palette: dict[str, str]
    only_ours: int
    only_theirs: int
    total: int
    example: str
    failures: tuple[Failure, ...]


def task_failures(study: Study) -> list[TaskFailures]:
    """For each task the first arm in question against the baseline, in the first seed that both have; the first examples of each kind."""
    if study.baseline not in study.arms:
        return []
    found = [_of_task(study, task, arm) for task in study.tasks if (arm := next((a for a in study.subjects if a in task.arms), None))]
    return [item for item in found if item is not None]


def _of_task(study: Study, task: TaskRuns, arm: str) -> TaskFailures | None:
    opponent = str(study.baseline)
    ours, theirs = task.arms.get(arm, {}), task.arms.get(opponent, {})
    seed = min(set(ours) & set(theirs), default=None)
    if seed is None or task.leaks(arm) or task.leaks(opponent):
        return None
    a, b = ours[seed], theirs[seed]
    if not all(_shows_what_was_judged(run, task.measure) for run in (a, b)):
        return None
    one, other = (a.outcomes(task.measure), b.outcomes(task.measure)) if same_examples((a, b)) else (None, None)
    if one is None or other is None or not np.isin(one[np.isfinite(one)], (0.0, 1.0)).all():
        return None
    better = one > other if task.measure.larger_is_better else one < other
    worse = one < other if task.measure.larger_is_better else one > other
    rows = [(int(row), False) for row in np.flatnonzero(worse)[:_MOST]] + [(int(row), True) for row in np.flatnonzero(better)[:_MOST]]
    mine, others = read_examples(study, a, [row for row, _ in rows]), read_examples(study, b, [row for row, _ in rows])
    if not rows or mine is None or others is None:
        return None
    failures = [_failure(row, solved, x, y) for (row, solved), x, y in zip(rows, mine, others, strict=True)]
    return TaskFailures(
        label=task.label,
        arm=arm,
        opponent=opponent,
        seed=seed,
        grid=_grid(a, failures),
        palette=_palette(a),
        only_ours=int(better.sum()),
        only_theirs=int(worse.sum()),
        total=int(np.isfinite(one + other).sum()),
        example=task.words.example,
        failures=tuple(failures),
    )


def _shows_what_was_judged(run: RunRecord, measure: Measure) -> bool:
    """Whether the recorded predictions are the answers that a measure judges.

    Where the next token is predicted, they were made under the true tokens. A measure of those is also taken at learned halting; one that
    is not, in a run that wrote answers as well, judges the written ones, and they are not recorded.
    """
    return not run.predicts_next_token or measure.halting or not run.result.get("sampling")


def _failure(row: int, solved_by_us: bool, ours: AnsweredExample, theirs: AnsweredExample) -> Failure:
    return Failure(
        index=row,
        question=ours.input[:_LONGEST],
        answer=ours.answer[:_LONGEST],
        ours=ours.prediction[:_LONGEST],
        theirs=theirs.prediction[:_LONGEST],
        solved_by_us=solved_by_us,
    )


def _grid(run: RunRecord, failures: list[Failure]) -> tuple[int, int] | None:
    """The grid that data.json declares, where every text fills it."""
    declared = run.data.get("grid")
    if not (isinstance(declared, list) and len(declared) == 2 and all(isinstance(side, int) and side > 0 for side in declared)):
        return None
    cells = declared[0] * declared[1]
    fits = all(len(text) in (0, cells) for item in failures for text in (item.answer, item.ours, item.theirs))
    return (declared[0], declared[1]) if fits and all(len(item.question) == cells for item in failures) else None


def _palette(run: RunRecord) -> dict[str, str]:
    """The palette that data.json declares; empty where it is none."""
    declared = run.data.get("palette")
    if not isinstance(declared, dict):
        return {}
    return {symbol: colour for symbol, colour in declared.items() if isinstance(colour, str) and _COLOUR.fullmatch(colour)}
