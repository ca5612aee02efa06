"""An exact Sudoku solver that also rates: naked and hidden singles, then a branch on the cell with fewest candidates.

Candidates are bit masks (bit d - 1 set: digit d still possible). ``rating`` is the number of dead ends the search meets before
its first solution, cells taken in reading order on ties and digits in ascending order; 0 means that no guess was ever wrong.
"""

import numpy as np
from numba import njit

from hrmlab.data.sudoku.board import Board


@njit(cache=True, nogil=True)
def propagate(candidates, settled, units, peers):
    """Apply naked and hidden singles until nothing changes; False on a contradiction. Changes both arrays in place.

    Args:
        candidates: (cells,) int32 masks.
        settled: (cells,) bool, cells whose single candidate has already been taken from their peers.
    """
    side = units.shape[1]
    full = (1 << side) - 1
    while True:
        again = True
        while again:
            again = False
            for cell in range(candidates.shape[0]):
                mask = candidates[cell]
                if settled[cell] or mask & (mask - 1):
                    continue
                if mask == 0:
                    return False
                settled[cell] = True
                for k in range(peers.shape[1]):
                    peer = peers[cell, k]
                    if candidates[peer] & mask:
                        left = candidates[peer] ^ mask
                        candidates[peer] = left
                        if left == 0:
                            return False
                        if peer < cell and left & (left - 1) == 0:
                            again = True
        changed = False
        for unit in range(units.shape[0]):
            once, twice = 0, 0
            for k in range(side):
                mask = candidates[units[unit, k]]
                twice |= once & mask
                once |= mask
            if once != full:
                return False
            hidden = once & ~twice
            if hidden == 0:
                continue
            for k in range(side):
                cell = units[unit, k]
                here = candidates[cell] & hidden
                if here & (here - 1):
                    return False
                if here and candidates[cell] != here:
                    candidates[cell] = here
                    changed = True
        if not changed:
            return True


@njit(cache=True, nogil=True)
def search(start, units, peers, limit, solution):
    """Depth-first search for up to ``limit`` solutions; the first is written to ``solution`` (cells,) uint8.

    Args:
        start: (cells,) int32 candidate masks.

    Returns:
        (solutions found, dead ends before the first solution or before giving up, guesses made in all).
    """
    cells = start.shape[0]
    candidates = np.empty((cells + 1, cells), np.int32)
    settled = np.zeros((cells + 1, cells), np.bool_)
    branch = np.zeros(cells + 1, np.int64)
    untried = np.zeros(cells + 1, np.int32)
    candidates[0] = start
    found, dead_ends, guesses, depth = 0, 0, 0, 0
    alive = propagate(candidates[0], settled[0], units, peers)
    while True:
        if alive:
            best, fewest = -1, 99
            for cell in range(cells):
                mask = candidates[depth, cell]
                if mask & (mask - 1):
                    count = 0
                    while mask:
                        mask &= mask - 1
                        count += 1
                    if count < fewest:
                        best, fewest = cell, count
            if best < 0:
                if found == 0:
                    for cell in range(cells):
                        digit, mask = 1, candidates[depth, cell]
                        while mask > 1:
                            mask >>= 1
                            digit += 1
                        solution[cell] = digit
                found += 1
                if found == limit:
                    return found, dead_ends, guesses
                depth -= 1
            else:
                branch[depth], untried[depth] = best, candidates[depth, best]
        else:
            if found == 0:
                dead_ends += 1
            depth -= 1
        while depth >= 0 and untried[depth] == 0:
            depth -= 1
        if depth < 0:
            return found, dead_ends, guesses
        lowest = untried[depth] & -untried[depth]
        untried[depth] ^= lowest
        candidates[depth + 1] = candidates[depth]
        settled[depth + 1] = settled[depth]
        candidates[depth + 1, branch[depth]] = lowest
        depth += 1
        guesses += 1
        alive = propagate(candidates[depth], settled[depth], units, peers)


@njit(cache=True, nogil=True)
def start_candidates(question, side):
    """(cells,) int32 masks of a question of (cells,) digits, 0 where empty."""
    masks = np.empty(question.shape[0], np.int32)
    for cell in range(question.shape[0]):
        digit = question[cell]
        masks[cell] = (1 << side) - 1 if digit == 0 else 1 << (digit - 1)
    return masks


@njit(cache=True, nogil=True)
def _solve_many(questions, units, peers, limit, solutions, counts, ratings, guesses):
    for row in range(questions.shape[0]):
        start = start_candidates(questions[row], units.shape[1])
        counts[row], ratings[row], guesses[row] = search(start, units, peers, limit, solutions[row])


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
    counts, ratings, guesses = (np.zeros(len(questions), np.int64) for _ in range(3))
    _solve_many(questions, board.units, board.peers, limit, solutions, counts, ratings, guesses)
    return solutions, counts, ratings
