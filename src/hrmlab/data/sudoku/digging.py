"""Takes clues out of a Sudoku while its solution stays the only one.

Two solutions of one question differ in a set of cells; a question has one solution exactly if it has a clue in every set in which another
full grid differs from its own (an *unavoidable set*). Sets once found are kept for a full grid, as two words of cells. Most questions of
whether a clue can go are answered by them: it cannot where some set has no other clue. Only what they leave open is searched.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from hrmlab.data.splitmix import draw_integer
from hrmlab.data.sudoku.digit_boards import open_position
from hrmlab.data.sudoku.solver import EVERY_DEAD_END, search

KEPT = 1024
"""Sets kept of a full grid; of more the oldest give way. Which are kept decides what has to be searched, never what is found."""

WORD = 54
"""Cells in the first word of a set of cells."""


class Sets(NamedTuple):
    """Unavoidable sets of one full grid.

    Attributes:
        sets: (KEPT, 2) int64.
        found: (1,) int64 how many were found so far.
    """

    sets: np.ndarray
    found: np.ndarray


@njit(cache=True, nogil=True)
def shuffle(state, order):
    """Fill ``order`` with the numbers from 0 in random order."""
    for i in range(order.shape[0]):
        order[i] = i
    for i in range(order.shape[0] - 1, 0, -1):
        j = draw_integer(state, i + 1)
        order[i], order[j] = order[j], order[i]


@njit(cache=True, nogil=True)
def clue_words(question):
    """The cells with a clue, as two words."""
    low, high = 0, 0
    for cell in range(question.shape[0]):
        if question[cell]:
            if cell < WORD:
                low |= 1 << cell
            else:
                high |= 1 << (cell - WORD)
    return low, high


@njit(cache=True, nogil=True)
def other_solution(question, solution, cell, room, branch, tables, known, scratch):
    """Whether another grid than ``solution`` answers the question and has another digit in the empty ``cell``; its set is kept."""
    open_position(question, tables, room, 0)
    band_cells = tables.box_rows * tables.side
    room[0, solution[cell] - 1, cell // band_cells] &= ~(1 << (cell % band_cells))
    if search(room, branch, tables, 1, EVERY_DEAD_END, solution, scratch)[0] == 0:
        return False
    low, high = 0, 0
    for place in range(solution.shape[0]):
        if scratch[place] != solution[place]:
            if place < WORD:
                low |= 1 << place
            else:
                high |= 1 << (place - WORD)
    slot = known.found[0] % KEPT
    known.sets[slot, 0], known.sets[slot, 1] = low, high
    known.found[0] += 1
    return True


@njit(cache=True, nogil=True)
def missed(known, low, high):
    """Whether some known set has no clue among the cells of ``low`` and ``high``."""
    for index in range(min(known.found[0], KEPT)):  # noqa: SIM110 - compiled, a generator expression is not
        if known.sets[index, 0] & low == 0 and known.sets[index, 1] & high == 0:
            return True
    return False


@njit(cache=True, nogil=True)
def dig(state, order, question, solution, clues, room, branch, tables, known, scratch):
    """Remove clues in random order while the solution stays the only one, down to ``clues`` or to a minimal puzzle."""
    left = 0
    for cell in range(question.shape[0]):
        left += question[cell] > 0
    low, high = clue_words(question)
    shuffle(state, order)
    for cell in order:
        if left <= clues:
            return
        if question[cell] == 0:
            continue
        low_left = low & ~(1 << cell) if cell < WORD else low
        high_left = high if cell < WORD else high & ~(1 << (cell - WORD))
        if missed(known, low_left, high_left):
            continue
        question[cell] = 0
        if other_solution(question, solution, cell, room, branch, tables, known, scratch):
            question[cell] = solution[cell]
        else:
            low, high, left = low_left, high_left, left - 1


@njit(cache=True, nogil=True)
def vary(state, order, question, solution, room, branch, tables, known, scratch):
    """Take one clue away, add others until the solution is the only one again, and dig to a minimal puzzle."""
    shuffle(state, order)
    taken = -1
    for cell in order:
        if question[cell]:
            question[cell] = 0
            taken = cell
            break
    shuffle(state, order)
    for cell in order:
        if question[cell] == 0:
            question[cell] = solution[cell]
            if cell == taken:
                break
            low, high = clue_words(question)
            # With the clue that was taken the solution was the only one, so every other one differs there.
            if not missed(known, low, high) and not other_solution(question, solution, taken, room, branch, tables, known, scratch):
                break
    dig(state, order, question, solution, 0, room, branch, tables, known, scratch)
