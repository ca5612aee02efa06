"""What the Sudoku generator draws, by a plain program: cell by cell on arrays of candidates, every question asked of the solver anew.

``case=generation`` times it beside :mod:`hrmlab.data.sudoku.generator`, which has to draw the same puzzles.
"""

import numpy as np
from numba import njit

from hrmlab.data.splitmix import draw_integer
from hrmlab.data.sudoku.board import Board
from hrmlab.data.sudoku.generator import CLIMB, Tier


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
def _random_solution(state, units, peers, solution):
    """Fill (cells,) uint8 ``solution`` by random choices on a cell with fewest candidates, from the start again after a dead end."""
    cells, side = peers.shape[0], units.shape[1]
    candidates, settled = np.empty(cells, np.int32), np.empty(cells, np.bool_)
    while True:
        candidates[:] = (1 << side) - 1
        settled[:] = False
        while True:
            best, fewest, ties = -1, 99, 0
            for cell in range(cells):
                mask, count = candidates[cell], 0
                while mask:
                    mask &= mask - 1
                    count += 1
                if count == 1:
                    continue
                if count < fewest:
                    fewest, ties = count, 0
                if count == fewest:
                    ties += 1
                    if draw_integer(state, ties) == 0:
                        best = cell
            if best < 0:
                for cell in range(cells):
                    digit, mask = 1, candidates[cell]
                    while mask > 1:
                        mask >>= 1
                        digit += 1
                    solution[cell] = digit
                return
            mask = candidates[best]
            for _ in range(draw_integer(state, fewest)):
                mask &= mask - 1
            candidates[best] = mask & -mask
            if not propagate(candidates, settled, units, peers):
                break


@njit(cache=True, nogil=True)
def _shuffled(state, count):
    order = np.arange(count)
    for i in range(count - 1, 0, -1):
        j = draw_integer(state, i + 1)
        order[i], order[j] = order[j], order[i]
    return order


@njit(cache=True, nogil=True)
def _dig(state, units, peers, question, clues):
    """Remove clues in random order while the solution stays the only one, down to ``clues`` or to a minimal puzzle."""
    cells, side = peers.shape[0], units.shape[1]
    scratch = np.empty(cells, np.uint8)
    left = 0
    for cell in range(cells):
        left += question[cell] > 0
    for cell in _shuffled(state, cells):
        if left <= clues:
            return
        digit = question[cell]
        if digit == 0:
            continue
        question[cell] = 0
        start = start_candidates(question, side)
        start[cell] ^= 1 << (digit - 1)
        if search(start, units, peers, 1, scratch)[0] > 0:
            question[cell] = digit
        else:
            left -= 1


@njit(cache=True, nogil=True)
def _rate(question, units, peers):
    return search(start_candidates(question, units.shape[1]), units, peers, 1, np.empty(question.shape[0], np.uint8))[1]


@njit(cache=True, nogil=True)
def _vary(state, units, peers, solution, question):
    """Take one clue away, add others until the solution is the only one again, and dig to a minimal puzzle."""
    cells, side = peers.shape[0], units.shape[1]
    scratch = np.empty(cells, np.uint8)
    for cell in _shuffled(state, cells):
        if question[cell]:
            question[cell] = 0
            break
    for cell in _shuffled(state, cells):
        if question[cell] == 0:
            question[cell] = solution[cell]
            if search(start_candidates(question, side), units, peers, 2, scratch)[0] == 1:
                break
    _dig(state, units, peers, question, 0)


@njit(cache=True, nogil=True)
def _generate(keys, units, peers, fewest_clues, most_clues, minimum_rating, maximum_rating, questions, solutions, ratings):
    state = np.empty(1, np.uint64)
    candidate = np.empty(peers.shape[0], np.uint8)
    for row in range(keys.shape[0]):
        state[0] = keys[row]
        clues = fewest_clues + draw_integer(state, most_clues - fewest_clues + 1)
        _random_solution(state, units, peers, solutions[row])
        questions[row] = solutions[row]
        _dig(state, units, peers, questions[row], clues)
        rating = _rate(questions[row], units, peers)
        if clues == 0 and rating < minimum_rating:
            for _ in range(CLIMB):
                candidate[:] = questions[row]
                _vary(state, units, peers, solutions[row], candidate)
                found = _rate(candidate, units, peers)
                if rating <= found <= maximum_rating:
                    questions[row], rating = candidate, found
                    if rating >= minimum_rating:
                        break
        ratings[row] = rating


def generate_plainly(keys: np.ndarray, layout: Board, *, tier: Tier) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """See :func:`hrmlab.data.sudoku.generator.generate_for_keys`."""
    questions = np.zeros((len(keys), layout.cells), np.uint8)
    solutions, ratings = np.zeros_like(questions), np.zeros(len(keys), np.int64)
    bounds = (tier.fewest_clues, tier.most_clues, tier.minimum_rating, tier.maximum_rating)
    _generate(keys, layout.units, layout.peers, *bounds, questions, solutions, ratings)
    return questions, solutions, ratings
