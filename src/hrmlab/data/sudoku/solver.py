"""An exact Sudoku solver that also rates: naked and hidden singles, then a branch on the cell with fewest candidates.

``rating`` is the number of dead ends the search meets before its first solution, cells taken in reading order on ties and digits in
ascending order; 0 means that no guess was ever wrong.
"""

import numpy as np
from numba import njit

from hrmlab.data.sudoku.board import Board
from hrmlab.data.sudoku.digit_boards import BANDS, lowest, open_boards, propagate, settle, tables


@njit(cache=True, nogil=True)
def room(cells, side):
    """What a search works in, at each depth: boards, settled cells, the branch's band and bit, and its digits yet to be tried."""
    return np.empty((cells + 1, side, BANDS), np.int64), np.empty((cells + 1, BANDS), np.int64), np.empty((cells + 1, 3), np.int64)


@njit(cache=True, nogil=True)
def _choose(boards, tables, branch):
    """Write the first cell with fewest candidates above one to (3,) ``branch``: band, bit, digits; False: every cell is settled."""
    best, best_band, best_bit = 99, -1, 0
    for band in range(tables.bands):
        once, twice, thrice = 0, 0, 0
        for digit in range(tables.side):
            here = boards[digit, band]
            thrice |= twice & here
            twice |= once & here
            once |= here
        if twice == 0:
            continue
        pairs = twice & ~thrice
        if pairs:
            best, best_band, best_bit = 2, band, pairs & -pairs
            break
        while thrice:
            bit = thrice & -thrice
            thrice ^= bit
            count = 0
            for digit in range(tables.side):
                count += boards[digit, band] & bit != 0
            if count < best:
                best, best_band, best_bit = count, band, bit
    if best_band < 0:
        return False
    digits = 0
    for digit in range(tables.side):
        if boards[digit, best_band] & best_bit:
            digits |= 1 << digit
    branch[0], branch[1], branch[2] = best_band, best_bit, digits
    return True


@njit(cache=True, nogil=True)
def read_off(boards, tables, solution):
    """Write the digits of a position in which every cell has one candidate to (cells,) uint8 ``solution``."""
    band_cells = tables.box_rows * tables.side
    for digit in range(tables.side):
        for band in range(tables.bands):
            here = boards[digit, band]
            while here:
                solution[band * band_cells + lowest(here)] = digit + 1
                here &= here - 1


@njit(cache=True, nogil=True)
def search(room, tables, dirty, limit, patience, solution):
    """Depth-first search from the position at depth 0 of ``room`` for up to ``limit`` solutions; the first is written to ``solution``.

    Args:
        dirty: see :func:`hrmlab.data.sudoku.digit_boards.propagate`.
        patience: give up at more dead ends than that before the first solution.
        solution: (cells,) uint8.

    Returns:
        (solutions found, dead ends before the first solution or before giving up).
    """
    boards, settled, branches = room
    found, dead_ends, depth = 0, 0, 0
    alive = propagate(boards[0], settled[0], tables, dirty)
    while True:
        if alive:
            if not _choose(boards[depth], tables, branches[depth]):
                if found == 0:
                    read_off(boards[depth], tables, solution)
                found += 1
                if found == limit:
                    return found, dead_ends
                depth -= 1
        else:
            if found == 0:
                dead_ends += 1
                if dead_ends > patience:
                    return 0, dead_ends
            depth -= 1
        while depth >= 0 and branches[depth, 2] == 0:
            depth -= 1
        if depth < 0:
            return found, dead_ends
        band, bit, untried = branches[depth]
        branches[depth, 2] = untried & (untried - 1)
        for digit in range(tables.side):
            for place in range(BANDS):
                boards[depth + 1, digit, place] = boards[depth, digit, place]
        for place in range(BANDS):
            settled[depth + 1, place] = settled[depth, place]
        depth += 1
        dirty = settle(boards[depth], settled[depth], tables, lowest(untried), band, bit)
        alive = propagate(boards[depth], settled[depth], tables, dirty)


EVERY_DEAD_END = 1 << 60
"""A patience that nothing exhausts."""


@njit(cache=True, nogil=True)
def _solve_many(questions, tables, limit, solutions, counts, ratings):
    space = room(questions.shape[1], tables.side)
    for row in range(questions.shape[0]):
        open_boards(questions[row], tables, space[0][0], space[1][0])
        counts[row], ratings[row] = search(space, tables, (1 << tables.side) - 1, limit, EVERY_DEAD_END, solutions[row])


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
