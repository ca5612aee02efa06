"""Solvers that learn nothing answer what they say they answer."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hrmlab.core.components import call
from hrmlab.core.task import IGNORED_LABEL
from hrmlab.data.example_set import ExampleSet, make_set
from hrmlab.data.maze.search import valid_shortest_path
from hrmlab.data.maze.task import MazeTask
from hrmlab.data.maze.trivial import greedy_walks, straight_paths
from hrmlab.data.sudoku.board import board
from hrmlab.data.sudoku.task import SudokuTask
from hrmlab.data.sudoku.trivial import candidates_by_clues, candidates_by_elimination, expected_of_guesses, guesses
from hrmlab.data.trivial import copying, majority, sample, spread

BOARD = board(4)
SUDOKU = call(SudokuTask, side=4, train_examples=30, validation_examples=5, test_examples=40)


def rows(inputs: list[list[int]], labels: list[list[int]], groups: list[int] | None = None) -> ExampleSet:
    arrays = np.array(inputs, np.int32), np.array(labels, np.int32)
    return make_set(inputs=arrays[0], labels=arrays[1], classes=np.arange(len(inputs)), groups=None if groups is None else np.array(groups))


def test_copying_and_the_most_frequent_token() -> None:
    train = rows([[0, 0, 0]] * 3, [[1, 2, IGNORED_LABEL], [1, 2, IGNORED_LABEL], [3, 1, IGNORED_LABEL]])
    test = rows([[7, 8, 9]] * 2, [[1, 1, 1]] * 2)
    assert copying(test, next_token=False, token="cell").answers.tolist() == [[7, 8, 9]] * 2
    overall, placed = majority(train, test, next_token=False, token="cell")
    assert overall.answers.tolist() == [[1, 1, 1]] * 2
    assert placed.answers.tolist() == [[1, 2, 1]] * 2  # nothing is known of the third place
    (alone,) = majority(train, test, next_token=True, token="token")
    assert alone.answers.tolist() == overall.answers.tolist()
    assert majority(rows([[0]], [[IGNORED_LABEL]]), test, next_token=False, token="cell") == []


@given(st.integers(1, 50), st.integers(1, 60))
def test_places_are_spread_over_all(count: int, most: int) -> None:
    places = spread(count, most)
    assert len(places) == min(count, most)
    assert len(set(places.tolist())) == len(places)
    assert places[0] == 0
    assert most == 1 or places[-1] == count - 1


def test_what_belongs_together_is_sampled_together() -> None:
    examples = rows([[number] for number in range(12)], [[0]] * 12, [5, 5, 5, 2, 2, 2, 9, 9, 9, 0, 0, 0])
    assert sample(examples, 12) is examples
    assert sample(examples, 6).groups.tolist() == [5, 5, 5, 0, 0, 0]
    assert sample(rows([[number] for number in range(9)], [[0]] * 9), 3).inputs[:, 0].tolist() == [0, 4, 8]


@pytest.mark.parametrize("side", [4, 6, 9])
def test_candidates_are_what_no_clue_excludes(side: int) -> None:
    shape = board(side)
    examples = call(SudokuTask, side=side, train_examples=3, validation_examples=1, test_examples=3).load(progress=False).test
    questions, answers = (examples.inputs - 1).astype(np.uint8), (examples.labels - 1).astype(np.uint8)
    masks, fewer = candidates_by_clues(questions, shape), candidates_by_elimination(questions, shape)
    for row, question in enumerate(questions):
        for cell, digit in enumerate(question):
            clues = {int(question[peer]) for peer in shape.peers[cell]} - {0}
            expected = {int(digit)} if digit else set(range(1, side + 1)) - clues
            assert {d for d in range(1, side + 1) if masks[row, cell] >> (d - 1) & 1} == expected
    assert ((fewer & masks) == fewer).all()
    assert ((fewer >> (answers - 1)) & 1).all()  # the solution is never excluded


def test_expected_scores_are_the_mean_over_all_guesses() -> None:
    masks = np.array([[0b0001, 0b0011, 0b1110] + [0b1000] * 13, [0b0010] * 16], np.int32)
    answers = np.array([[1, 2, 4] + [4] * 13, [2] * 15 + [1]])  # the last cell of the second cannot be guessed right
    right = []
    for second, third in itertools.product((1, 2), (2, 3, 4)):
        first = np.array([1, second, third] + [4] * 13) == answers[0]
        right.append((first.mean(), first.all()))
    expected = expected_of_guesses(masks, answers, unique=True)
    assert expected["cell_accuracy"] == pytest.approx((np.mean([cells for cells, _ in right]) + 15 / 16) / 2)
    assert expected["exact_accuracy"] == expected["breaks_no_rule"] == pytest.approx(np.mean([whole for _, whole in right]) / 2)
    assert "breaks_no_rule" not in expected_of_guesses(masks, answers, unique=False)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 15))
def test_guesses_are_candidates_and_evenly_drawn(mask: int) -> None:
    drawn = guesses(np.full((400, 16), mask, np.int32), BOARD, purpose="test")
    allowed = [digit for digit in range(1, 5) if mask >> (digit - 1) & 1] or [1, 2, 3, 4]
    counts = np.bincount(drawn.ravel(), minlength=5)
    assert sorted(np.flatnonzero(counts)) == allowed
    assert np.allclose(counts[allowed] / drawn.size, 1 / len(allowed), atol=0.03)


def test_a_drawn_grid_scores_what_is_expected() -> None:
    splits = SUDOKU.load(progress=False)
    (solver,) = [item for item in SUDOKU.trivial(splits.train, splits.test) if item.name == "guess among candidates"]
    assert (solver.answers == splits.test.labels).mean() == pytest.approx(solver.expected["cell_accuracy"], abs=0.05)


def test_elimination_solves_what_needs_no_guess() -> None:
    splits = SUDOKU.load(progress=False)  # puzzles of side 4 never need one
    (solver,) = [item for item in SUDOKU.trivial(splits.train, splits.test) if item.name == "fill by elimination"]
    assert (solver.answers == splits.test.labels).all()
    assert solver.expected == {"cell_accuracy": 1.0, "exact_accuracy": 1.0, "breaks_no_rule": 1.0}


def maze(*lines: str) -> np.ndarray:
    task = call(MazeTask, side=len(lines))
    return task.from_text("".join(lines))[None]


def test_a_straight_line_bends_once_where_there_are_fewer_walls() -> None:
    task = call(MazeTask, side=4)
    open_below = maze("S ##", "   G", "  # ", "    ")
    assert task.to_text(straight_paths(open_below, 4)[0]) == "S ##" + "oooG" + "  # " + "    "
    through_a_wall = maze("S## ", "    ", "  # ", "#  G")
    assert task.to_text(straight_paths(through_a_wall, 4)[0]) == "S## " + "o   " + "o # " + "#ooG"


def test_a_greedy_walk_gets_nearer_until_it_is_stuck() -> None:
    task = call(MazeTask, side=4)
    arrives = maze("S   ", "  # ", " ## ", "   G")
    assert task.to_text(greedy_walks(arrives, 4)[0]) == "S   " + "o # " + "o## " + "oooG"
    dead_end = maze("S   ", "  ##", "# #G", "    ")
    assert task.to_text(greedy_walks(dead_end, 4)[0]) == "S   " + "oo##" + "#o#G" + "    "


def test_a_walk_that_arrives_is_a_shortest_path() -> None:
    mazes = call(MazeTask, side=6, train_examples=1, validation_examples=1, test_examples=60, minimum_path=3).load(progress=False).test
    walked = greedy_walks(mazes.inputs, 6)
    valid = valid_shortest_path(mazes.inputs, walked, 6)
    assert valid.any()
    assert not valid.all()
    straight = straight_paths(mazes.inputs, 6)
    changed = straight != mazes.inputs
    assert (mazes.inputs[changed] == 2).all()  # floor alone is marked
    assert (straight[changed] == 5).all()
