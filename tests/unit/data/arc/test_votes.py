"""Votes over views and the prize's score, against cases made by hand."""

import math

import numpy as np
import pytest

from hrmlab.core.task import IGNORED_LABEL
from hrmlab.data.arc.grids import PAD, encode
from hrmlab.data.arc.judging import by_task, judge
from hrmlab.data.arc.puzzles import make_puzzle
from hrmlab.data.arc.views import Views, draw_views
from hrmlab.data.arc.votes import ranked, solved_within
from hrmlab.data.example_set import ExampleSet, make_set
from hrmlab.data.task import Answers

SIDE = 4
A, B, C = (np.array(cells, np.uint8) for cells in ([[1, 2]], [[3], [3]], [[0, 0, 5]]))


def test_votes_come_first_then_confidence_then_order() -> None:
    guesses = ranked([(A, 0.0), (B, 5.0), (C, 1.0), (A, 0.5), (np.zeros((0, 0), np.uint8), 9.0)])
    assert [guess.votes for guess in guesses] == [2, 1, 1]
    assert [guess.grid.tolist() for guess in guesses] == [A.tolist(), B.tolist(), C.tolist()]
    assert guesses[0].confidence == 0.25
    unsure = ranked([(C, math.nan), (B, math.nan), (B, math.nan)])
    assert [guess.grid.tolist() for guess in unsure] == [B.tolist(), C.tolist()]
    assert solved_within(guesses, B, 2)
    assert not solved_within(guesses, B, 1)
    assert not solved_within(guesses, C, 2)
    assert not solved_within(ranked([(A, 0.0)]), A.T, 2)  # equal cells in another shape are another grid


@pytest.fixture
def views() -> Views:
    pair = {"input": [[1, 2, 3], [4, 5, 6]], "output": [[7, 8, 9]]}
    return draw_views([make_puzzle(name, {"train": [pair], "test": [pair]}, where="x") for name in "pq"], augmentations=2, seed=0)


def split(views: Views, tests: list[tuple[int, np.ndarray]]) -> ExampleSet:
    """Test inputs (place of their puzzle, answer), each in the three views of its puzzle."""
    rows = [(group, place, answer, view) for group, (place, answer) in enumerate(tests) for view in views.ids(place)]
    labels = np.stack([encode(views.seen(answer, view), SIDE) for _, _, answer, view in rows])
    return make_set(
        inputs=labels,
        labels=np.where(labels == PAD, IGNORED_LABEL, labels),
        classes=np.zeros(len(rows), np.uint64),
        puzzle_ids=np.array([view for *_, view in rows]),
        groups=np.array([group for group, *_ in rows]),
        sources=np.array(["pq"[place] for _, place, *_ in rows]),
    )


def said(views: Views, examples: ExampleSet, original: list[np.ndarray]) -> np.ndarray:
    """Tokens of answers that are these grids once turned back."""
    return np.stack([encode(views.seen(grid, view), SIDE) for grid, view in zip(original, examples.puzzle_ids.tolist(), strict=True)])


def test_a_task_counts_as_the_share_of_its_tests_that_two_guesses_solve(views: Views) -> None:
    examples = split(views, [(0, A), (0, B), (1, C)])
    fixed = said(views, examples, [A, A, B, C, C, A, A, C, B])  # first guess right; not among three; third by confidence, or second
    halting = said(views, examples, [C] * 9)
    confidence = np.array([0.0] * 6 + [1.0, 0.5, 0.2])
    judged = judge(examples, Answers(fixed, halting, confidence), views, SIDE)
    assert judged.count == 2
    assert judged.measured == {
        "pass_at_2": pytest.approx((0.5 + 1.0) / 2),
        "pass_at_1": pytest.approx((0.5 + 0.0) / 2),
        "halting/pass_at_2": pytest.approx((0.0 + 1.0) / 2),
        "halting/pass_at_1": pytest.approx((0.0 + 1.0) / 2),
    }
    outcomes = judged.columns["pass_at_2"]
    assert outcomes[0] == 0.5
    assert outcomes[6] == 1.0
    assert np.isnan(np.delete(outcomes, [0, 6])).all()
    less_sure = Answers(fixed, halting, np.array([0.0] * 6 + [1.0, 0.1, 0.2]))
    assert judge(examples, less_sure, views, SIDE).measured["pass_at_2"] == 0.25


def test_guesses_are_turned_back_to_the_task_as_it_is(views: Views) -> None:
    examples = split(views, [(0, A)])
    ((test,),) = by_task(examples, said(views, examples, [C, C, A]), np.zeros(3), views, SIDE).values()
    assert (test.question == A).all()
    assert test.expected is not None
    assert (test.expected == A).all()
    assert [(guess.grid.tolist(), guess.votes) for guess in test.guesses] == [(C.tolist(), 2), (A.tolist(), 1)]


def test_without_answers_nothing_is_scored(views: Views) -> None:
    examples = split(views, [(0, A)])
    examples.labels[:] = IGNORED_LABEL
    judged = judge(examples, Answers(examples.inputs, examples.inputs, np.zeros(3)), views, SIDE)
    assert (judged.measured, judged.count) == ({}, None)
