"""Answers to ARC's tests that take no idea of the rule."""

from collections import Counter

import numpy as np

from hrmlab.data.arc.division import PairRows
from hrmlab.data.arc.grids import Grid, decode, encode
from hrmlab.data.arc.views import Views
from hrmlab.data.example_set import ExampleSet


def one_colour(test: ExampleSet, side: int) -> np.ndarray:
    """(N, S) tokens: a grid of the input's size in the colour that most of its cells have."""

    def answer(grid: Grid) -> Grid:
        return np.full(grid.shape, np.bincount(grid.ravel()).argmax(), np.uint8)

    return np.stack([encode(answer(decode(inputs, side)), side) for inputs in test.inputs])


def demonstrated(train: PairRows, test: ExampleSet, views: Views, side: int) -> np.ndarray:
    """(N, S) tokens: the answer that the task's demonstrations have most often, the last of them among equals, in each row's view.

    A row of a task that is not known answers with its input.
    """
    answers: dict[int, list[Grid]] = {}
    for puzzle, pair in zip(train.puzzles.tolist(), train.pairs, strict=True):
        if pair.answer is not None:
            answers.setdefault(puzzle, []).append(pair.answer)
    places = views.place(test.puzzle_ids)
    rows = []
    for place, view, inputs in zip(places.tolist(), test.puzzle_ids.tolist(), test.inputs, strict=True):
        known = answers.get(place)
        rows.append(encode(views.seen(_most_frequent(known), view), side) if known else inputs)
    return np.stack(rows)


def _most_frequent(grids: list[Grid]) -> Grid:
    by_content = {(grid.shape, grid.tobytes()): grid for grid in grids}
    counts = Counter((grid.shape, grid.tobytes()) for grid in reversed(grids))
    return by_content[counts.most_common(1)[0][0]]
