"""An exact Sudoku solver that also rates: naked and hidden singles, then a branch on the cell with fewest candidates.

``rating`` is the number of dead ends the search meets before its first solution, cells taken in reading order on ties and digits in
ascending order; 0 means that no guess was ever wrong.
"""

import numpy as np
from numba import njit

from hrmlab.data.sudoku.board import Board
from hrmlab.data.sudoku.digit_boards import BANDS, lowest, open_position, positions, propagate, settle, tables


@njit(cache=True, nogil=True)
def branches(cells):
    """What a search notes down of its branch at each depth: the cell's band and bit, and the digits yet to be tried."""
    return np.empty((cells + 1, 3), np.int64)


@njit(cache=True, nogil=True)
def _choose(room, at, tables, branch):
    """Note the first cell with fewest candidates above one at ``branch[at]``; False: every cell is settled."""
    side = tables.side
    best, best_band, best_bit = 99, -1, 0
    for band in range(tables.bands):
        once, twice, thrice = 0, 0, 0
        for digit in range(side):
            here = room[at, digit, band]
            thrice |= twice & here
            twice |= once & here
            once |= here
        if twice == 0:
            continue
        pairs = twice & ~thrice
        if pairs:
            best_band, best_bit = band, pairs & -pairs
            break
        while thrice:
            bit = thrice & -thrice
            thrice ^= bit
            count = 0
            for digit in range(side):
                count += room[at, digit, band] & bit != 0
            if count < best:
                best, best_band, best_bit = count, band, bit
    if best_band < 0:
        return False
    digits = 0
    for digit in range(side):
        if room[at, digit, best_band] & best_bit:
            digits |= 1 << digit
    branch[at, 0], branch[at, 1], branch[at, 2] = best_band, best_bit, digits
    return True


@njit(cache=True, nogil=True)
def read_off(room, at, tables, solution):
    """Write the digits of a position in which every cell has one candidate to (cells,) uint8 ``solution``."""
    band_cells = tables.box_rows * tables.side
    for digit in range(tables.side):
        for band in range(tables.bands):
            here = room[at, digit, band]
            while here:
                solution[band * band_cells + lowest(here)] = digit + 1
                here &= here - 1


@njit(cache=True, nogil=True)
def search(room, branch, tables, limit, patience, favoured, solution):
    """Depth-first search from the position ``room[0]`` for up to ``limit`` solutions; the first is written to ``solution``.

    Args:
        room: cells + 1 positions, the first of them fresh from its question.
        branch: see :func:`branches`.
        patience: give up at more dead ends than that before the first solution.
        favoured: (cells,) uint8 the digit to try first in each cell; 0: the lowest.
        solution: (cells,) uint8.

    Returns:
        (solutions found, dead ends before the first solution or before giving up).
    """
    band_cells = tables.box_rows * tables.side
    found, dead_ends, at = 0, 0, 0
    alive = propagate(room, 0, tables, (1 << tables.side) - 1)
    while True:
        if alive:
            if not _choose(room, at, tables, branch):
                if found == 0:
                    read_off(room, at, tables, solution)
                found += 1
                if found == limit:
                    return found, dead_ends
                at -= 1
        else:
            if found == 0:
                dead_ends += 1
                if dead_ends > patience:
                    return 0, dead_ends
            at -= 1
        while at >= 0 and branch[at, 2] == 0:
            at -= 1
        if at < 0:
            return found, dead_ends
        untried = branch[at, 2]
        digit = lowest(untried)
        favourite = favoured[branch[at, 0] * band_cells + lowest(branch[at, 1])]
        if favourite and untried >> (favourite - 1) & 1:
            digit = np.int64(favourite) - 1
        branch[at, 2] = untried ^ (1 << digit)
        for row in range(tables.side + 1):
            for band in range(BANDS):
                room[at + 1, row, band] = room[at, row, band]
        dirty = settle(room, at + 1, tables, digit, branch[at, 0], branch[at, 1])
        at += 1
        alive = propagate(room, at, tables, dirty)


EVERY_DEAD_END = 1 << 60
"""A patience that nothing exhausts."""


@njit(cache=True, nogil=True)
def _solve_many(questions, tables, limit, solutions, counts, ratings):
    room, branch = positions(questions.shape[1] + 1, tables.side), branches(questions.shape[1])
    none = np.zeros(questions.shape[1], np.uint8)
    for row in range(questions.shape[0]):
        open_position(questions[row], tables, room, 0)
        counts[row], ratings[row] = search(room, branch, tables, limit, EVERY_DEAD_END, none, solutions[row])


def solve(questions: np.ndarray, board: Board, *, limit: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Solve a batch of questions.

    Args:
        questions: (N, cells) uint8 digits, 0 where empty.
        limit: stop a row's search after this many solutions.

    Returns:
        solutions (N, cells) uint8, the first one found (zeros where there is none); counts (N,) int64 of solutions found, at most
        ``limit``; ratings (N,) int64 of dead ends before the first solution.
    """
    questions = np.ascontiguousarray(questions, dtype=np.uint8)
    solutions = np.zeros_like(questions)
    counts, ratings = (np.zeros(len(questions), np.int64) for _ in range(2))
    _solve_many(questions, tables(board.side), limit, solutions, counts, ratings)
    return solutions, counts, ratings
