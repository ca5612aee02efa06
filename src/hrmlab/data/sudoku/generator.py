"""Draws Sudoku puzzles with exactly one solution: a random full grid, from which clues are dug while the solution stays unique.

A minimal puzzle that is too easy for its tier is varied clue by clue, and a variation is kept when it is at least as hard.

Puzzle number i of a stream is a pure function of its key, so a set can be extended, repeated or split among processes.
"""

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from hrmlab.core.errors import UserError
from hrmlab.core.randomness import stream_key
from hrmlab.data.splitmix import draw_integer
from hrmlab.data.sudoku.board import Board, board
from hrmlab.data.sudoku.digging import KEPT, Sets, dig, vary
from hrmlab.data.sudoku.digit_boards import lowest, open_position, positions, propagate, settle, tables
from hrmlab.data.sudoku.solver import EVERY_DEAD_END, branches, read_off, search

GENERATOR_VERSION = 1
"""Raise when the puzzles drawn for a key change: cached sets are keyed by it."""

CLIMB = 300
"""The most steps from a minimal puzzle towards one of the wanted rating."""

UNBOUNDED = 1_000_000_000
"""A rating above all others."""


@dataclass(frozen=True, kw_only=True)
class Tier:
    """A kind of puzzle.

    Attributes:
        minimum_rating, maximum_rating: dead ends of the solver, inclusive.
        fewest_clues, most_clues: digging stops at a number of clues drawn from this range; 0 and 0 dig to a minimal puzzle, from
            which no clue can be left out.
    """

    minimum_rating: int = 0
    maximum_rating: int = UNBOUNDED
    fewest_clues: int = 0
    most_clues: int = 0

    def as_list(self) -> list[int]:
        """The four numbers."""
        return [self.minimum_rating, self.maximum_rating, self.fewest_clues, self.most_clues]


TIERS: dict[int, dict[str, Tier]] = {
    4: {"easy": Tier(maximum_rating=0, fewest_clues=7, most_clues=10)},
    6: {
        "easy": Tier(maximum_rating=0, fewest_clues=14, most_clues=20),
        "medium": Tier(maximum_rating=0),
        "hard": Tier(minimum_rating=1, maximum_rating=2),
        "extreme": Tier(minimum_rating=3),
    },
    9: {
        "easy": Tier(maximum_rating=0, fewest_clues=30, most_clues=45),
        "medium": Tier(minimum_rating=1, maximum_rating=4),
        "hard": Tier(minimum_rating=5, maximum_rating=19),
        "extreme": Tier(minimum_rating=20),
    },
}
"""Difficulty tiers by side. A 4x4 puzzle never needs a guess, so it has only one."""


def choose_tier(side: int, difficulty: str | None, minimum_rating: float | None, maximum_rating: float | None) -> Tier:
    """The tier of that name (None: minimal puzzles of any rating), with its rating bounds replaced by those given.

    Raises:
        UserError: the side has no such tier.
    """
    if difficulty is not None and difficulty not in TIERS[side]:
        known = ", ".join(TIERS[side])
        why = ", because every 4x4 Sudoku is solved without a guess" if side == 4 else ""
        raise UserError(f"data.difficulty={difficulty} does not exist for data.side={side}{why}; use {known} or null")
    if side == 4 and minimum_rating is not None and minimum_rating > 0:
        raise UserError(f"data.minimum_rating={minimum_rating} is never reached for data.side=4, where no guess is needed; use 0 or null")
    tier = TIERS[side][difficulty] if difficulty else Tier()
    return Tier(
        minimum_rating=tier.minimum_rating if minimum_rating is None else math.ceil(minimum_rating),
        maximum_rating=tier.maximum_rating if maximum_rating is None else math.floor(min(maximum_rating, UNBOUNDED)),
        fewest_clues=tier.fewest_clues,
        most_clues=tier.most_clues,
    )


@njit(cache=True, nogil=True)
def _random_solution(state, room, tables, solution):
    """Fill (cells,) uint8 ``solution`` by random choices on a cell with fewest candidates, from the start again after a dead end."""
    side, band_cells = tables.side, tables.box_rows * tables.side
    while True:
        solution[:] = 0
        open_position(solution, tables, room, 0)
        while True:
            best, fewest, ties = -1, 99, 0
            for cell in range(solution.shape[0]):
                band, bit = cell // band_cells, 1 << (cell % band_cells)
                if room[0, side, band] & bit:
                    continue
                count = 0
                for digit in range(side):
                    count += room[0, digit, band] & bit != 0
                if count < fewest:
                    fewest, ties = count, 0
                if count == fewest:
                    ties += 1
                    if draw_integer(state, ties) == 0:
                        best = cell
            if best < 0:
                read_off(room, 0, tables, solution)
                return
            band, bit, digits = best // band_cells, 1 << (best % band_cells), 0
            for digit in range(side):
                if room[0, digit, band] & bit:
                    digits |= 1 << digit
            for _ in range(draw_integer(state, fewest)):
                digits &= digits - 1
            dirty = settle(room, 0, tables, lowest(digits), band, bit)
            if not propagate(room, 0, tables, dirty):
                break


@njit(cache=True, nogil=True)
def _rate(question, room, branch, tables, patience, none, scratch):
    open_position(question, tables, room, 0)
    return search(room, branch, tables, 1, patience, none, scratch)[1]


@njit(cache=True, nogil=True)
def _generate(keys, tables, fewest_clues, most_clues, minimum_rating, maximum_rating, questions, solutions, ratings):
    cells = questions.shape[1]
    state = np.empty(1, np.uint64)
    candidate, scratch, none = np.empty(cells, np.uint8), np.empty(cells, np.uint8), np.zeros(cells, np.uint8)
    order = np.empty(cells, np.int64)
    known = Sets(np.empty((KEPT, 2), np.int64), np.zeros(1, np.int64))
    room, branch = positions(cells + 1, tables.side), branches(cells)
    for row in range(keys.shape[0]):
        question, solution = questions[row], solutions[row]
        state[0] = keys[row]
        known.found[0] = 0
        clues = fewest_clues + draw_integer(state, most_clues - fewest_clues + 1)
        _random_solution(state, room, tables, solution)
        question[:] = solution
        dig(state, order, question, solution, clues, room, branch, tables, known, scratch)
        rating = _rate(question, room, branch, tables, EVERY_DEAD_END, none, scratch)
        if clues == 0 and rating < minimum_rating:
            for _ in range(CLIMB):
                candidate[:] = question
                vary(state, order, candidate, solution, room, branch, tables, known, scratch)
                # What is harder than the tier is turned down whatever its rating, so it is not counted to the end.
                found = _rate(candidate, room, branch, tables, maximum_rating, none, scratch)
                if rating <= found <= maximum_rating:
                    question[:] = candidate
                    rating = found
                    if rating >= minimum_rating:
                        break
        ratings[row] = rating


Puzzles = tuple[np.ndarray, np.ndarray, np.ndarray]


def generate_for_keys(keys: np.ndarray, layout: Board, *, tier: Tier) -> Puzzles:
    """One puzzle with a unique solution for each key; whether its rating is in the tier is for the caller to check.

    Args:
        keys: (N,) uint64, e.g. from :func:`hrmlab.core.randomness.stream_key`.

    Returns:
        questions (N, cells) uint8 with 0 where empty, solutions (N, cells) uint8, ratings (N,) int64.
    """
    questions = np.zeros((len(keys), layout.cells), np.uint8)
    solutions = np.zeros_like(questions)
    ratings = np.zeros(len(keys), np.int64)
    keys = np.ascontiguousarray(keys, np.uint64)
    _generate(
        keys,
        tables(layout.side),
        tier.fewest_clues,
        tier.most_clues,
        tier.minimum_rating,
        tier.maximum_rating,
        questions,
        solutions,
        ratings,
    )
    return questions, solutions, ratings


def generate(count: int, *, side: int = 9, difficulty: str | None = None, seed: int = 0, chunk: int = 64) -> Puzzles:
    """The first ``count`` puzzles of a tier, symmetric repetitions not removed.

    Returns:
        questions, solutions and ratings as :func:`generate_for_keys` gives them.

    Raises:
        UserError: the side has no such tier.
    """
    layout, tier = board(side), choose_tier(side, difficulty, None, None)
    parts: list[Puzzles] = []
    found, first = 0, 0
    while found < count:
        keys = np.array([stream_key(seed, "sudoku", "generate", index) for index in range(first, first + chunk)], np.uint64)
        drawn = generate_for_keys(keys, layout, tier=tier)
        kept = (drawn[2] >= tier.minimum_rating) & (drawn[2] <= tier.maximum_rating)
        parts.append((drawn[0][kept], drawn[1][kept], drawn[2][kept]))
        found, first = found + int(kept.sum()), first + chunk
    questions, solutions, ratings = (np.concatenate(arrays)[:count] for arrays in zip(*parts, strict=True))
    return questions, solutions, ratings
