"""Votes over views: every view's answer is turned back, equal ones are counted, and the first two are the guesses."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from hrmlab.data.arc.grids import Grid

GUESSES = 2
"""The prize allows two."""


class Guess(NamedTuple):
    """One answer that views gave.

    Attributes:
        votes: how many views gave it.
        confidence: their mean halting score; NaN where none has one.
    """

    grid: Grid
    votes: int
    confidence: float


def ranked(answers: Iterable[tuple[Grid, float]]) -> list[Guess]:
    """Different answers, those with more votes first, among equals those of higher mean confidence, then those that came first.

    An answer without a cell is no guess and is left out.

    Args:
        answers: what each view answered, turned back, and its halting score (NaN without one).
    """
    found: dict[tuple[tuple[int, ...], bytes], tuple[Grid, list[float]]] = {}
    for grid, confidence in answers:
        if grid.size:
            found.setdefault((grid.shape, grid.tobytes()), (grid, []))[1].append(confidence)
    guesses = [Guess(grid, len(scores), _mean(scores)) for grid, scores in found.values()]
    return sorted(guesses, key=lambda guess: (-guess.votes, math.inf if math.isnan(guess.confidence) else -guess.confidence))


def _mean(scores: Sequence[float]) -> float:
    known = [score for score in scores if not math.isnan(score)]
    return sum(known) / len(known) if known else math.nan


def solved_within(guesses: Sequence[Guess], expected: Grid, most: int) -> bool:
    """Whether one of the first ``most`` guesses is the expected grid."""
    return any(np.array_equal(guess.grid, expected) for guess in guesses[:most])
