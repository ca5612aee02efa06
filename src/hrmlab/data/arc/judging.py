"""What a split comes to as the ARC prize scores it: a task counts as the share of its tests that one of two guesses solves."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hrmlab.core.measures import CELL_ACCURACY, Measure
from hrmlab.core.task import IGNORED_LABEL
from hrmlab.data.arc.grids import PAD, Grid, decode
from hrmlab.data.arc.views import Views
from hrmlab.data.arc.votes import GUESSES, Guess, ranked, solved_within
from hrmlab.data.example_set import ExampleSet
from hrmlab.data.task import Answers, Judgement


def _pass_at(guesses: int, wording: str, *, counts: bool) -> Measure:
    return Measure(
        name=f"pass_at_{guesses}",
        wording=f"pass@{guesses}",
        meaning=(
            f"the share of tasks solved, a task counting as the share of its test inputs of which {wording} that most views give is right"
        ),
        counts=counts,
        column=f"pass_at_{guesses}",
        halting=True,
    )


PASS_AT_2 = _pass_at(2, "one of the two answers", counts=True)
PASS_AT_1 = _pass_at(1, "the answer", counts=False)
EXACT_GRIDS = Measure(
    name="exact_accuracy",
    wording="exact accuracy",
    meaning="the share of views whose whole answer is right, each by itself and without votes, after all segments",
    column="exact",
    halting=True,
)
MEASURES = (PASS_AT_2, PASS_AT_1, EXACT_GRIDS, CELL_ACCURACY)


@dataclass(eq=False)
class TestInput:
    """One test input of a task.

    Attributes:
        rows: of its views in the split.
        question, expected: as they are; ``expected`` is None where no answer was given.
        guesses: by votes over the views, best first.
    """

    rows: list[int]
    question: Grid
    expected: Grid | None
    guesses: list[Guess] = field(default_factory=list)

    __test__ = False  # no test class, whatever pytest thinks of the name


def by_task(
    examples: ExampleSet, said: np.ndarray, confidence: np.ndarray, views: Views, side: int
) -> dict[tuple[str, int], list[TestInput]]:
    """The test inputs of each task of a split, with what views voted; keys are a task's name and place (-1: not known).

    Args:
        examples: N rows of views; ``sources`` and ``puzzle_ids`` tell the task, ``groups`` numbers the test input.
        said: (N, S) token ids.
        confidence: (N,) halting scores, NaN without.
    """
    tasks: dict[tuple[str, int], dict[int, TestInput]] = {}
    places = np.where(examples.puzzle_ids > 0, views.place(examples.puzzle_ids), -1).tolist()
    votes: dict[int, list[tuple[Grid, float]]] = {}
    for row, (name, group, view) in enumerate(zip(examples.sources, examples.groups.tolist(), examples.puzzle_ids.tolist(), strict=True)):
        inputs = tasks.setdefault((str(name), places[row]), {})
        if group not in inputs:
            labels, known = examples.labels[row], (examples.labels[row] != IGNORED_LABEL).any()
            expected = views.original(decode(np.where(labels == IGNORED_LABEL, PAD, labels), side), view) if known else None
            inputs[group] = TestInput([], views.original(decode(examples.inputs[row], side), view), expected)
        inputs[group].rows.append(row)
        votes.setdefault(group, []).append((views.original(decode(said[row], side), view), float(confidence[row])))
    for inputs in tasks.values():
        for group, test in inputs.items():
            test.guesses = ranked(votes[group])
    return {name: list(inputs.values()) for name, inputs in tasks.items()}


def judge(examples: ExampleSet, answers: Answers, views: Views, side: int) -> Judgement:
    """The split's pass@1 and pass@2 after all segments and at learned halting; a task's outcome stands in its first row."""
    measured: dict[str, Any] = {}
    columns: dict[str, np.ndarray] = {}
    count = 0
    for prefix, suffix, said in (("", "", answers.fixed), ("halting/", "_halting", answers.halting)):
        tasks = {
            name: inputs
            for name, inputs in by_task(examples, said, answers.confidence, views, side).items()
            if any(test.expected is not None for test in inputs)
        }
        count = len(tasks)
        for measure, most in ((PASS_AT_2, GUESSES), (PASS_AT_1, 1)):
            outcomes = np.full(len(examples), np.nan)
            for inputs in tasks.values():
                solved = [solved_within(test.guesses, test.expected, most) for test in inputs if test.expected is not None]
                outcomes[min(test.rows[0] for test in inputs)] = np.mean(solved)
            columns[f"{measure.column}{suffix}"] = outcomes
            if count:
                measured[f"{prefix}{measure.name}"] = float(np.nanmean(outcomes))
    return Judgement(measured, columns, count or None)
