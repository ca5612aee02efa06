"""Which Sudoku puzzles are the same up to the symmetries of the board, as 64-bit fingerprints.

Sides 6 and 9: colour refinement (Weisfeiler and Leman 1968) on the graph of cells, rows, columns, boxes, bands, stacks and digits.
Symmetric puzzles always get equal fingerprints. Different puzzles could in principle share one, which would only keep more puzzles
out of the training set. Side 4: only the relabelling of digits counts as a symmetry, and the form is canonical.
"""

import numpy as np
from numba import njit

from hrmlab.data.fingerprint import row_hash
from hrmlab.data.sudoku.board import Board

ROUNDS = 6
"""Rounds of refinement."""

CLASS_RULES = {
    4: "4x4 Sudoku up to relabelling of the digits only, because the full symmetry group leaves too few classes",
    6: "6x6 Sudoku up to relabelling of the digits and permutation of bands, stacks, rows in a band and columns in a stack",
    9: "9x9 Sudoku up to relabelling of the digits, permutation of bands, stacks, rows in a band and columns in a stack, and transposition",
}


@njit(cache=True, nogil=True)
def _mix(value):
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@njit(cache=True, nogil=True)
def _refined(question, solution, row_of, column_of, box_of, side, box_rows, box_columns, rounds):
    """The uint64 colour of a whole puzzle. Kinds of node in order: row, column, box, digit."""
    cells = question.shape[0]
    cell_colour = np.empty(cells, np.uint64)
    group = np.empty((4, cells), np.int64)
    for cell in range(cells):
        cell_colour[cell] = np.uint64(1) if question[cell] else np.uint64(2)
        group[0, cell], group[1, cell], group[2, cell], group[3, cell] = row_of[cell], column_of[cell], box_of[cell], solution[cell]
    node = np.zeros((4, side + 1), np.uint64)
    gathered = np.zeros((4, side + 1), np.uint64)
    chute = np.zeros((2, side), np.uint64)
    total = np.uint64(0)
    for _ in range(rounds):
        gathered[:] = 0
        for cell in range(cells):
            spread = _mix(cell_colour[cell] + np.uint64(0x9E3779B97F4A7C15))
            for kind in range(4):
                gathered[kind, group[kind, cell]] += spread
        for kind in range(4):
            for i in range(side + 1):
                node[kind, i] = _mix(node[kind, i] * np.uint64(3) + gathered[kind, i] + np.uint64(kind + 1))
        chute[:] = 0
        for i in range(side):
            chute[0, i // box_rows] += _mix(node[0, i])
            chute[1, i // box_columns] += _mix(node[1, i])
        for i in range(side):
            node[0, i] = _mix(node[0, i] ^ _mix(chute[0, i // box_rows] + np.uint64(5)))
            node[1, i] = _mix(node[1, i] ^ _mix(chute[1, i // box_columns] + np.uint64(6)))
        total = np.uint64(0)
        for cell in range(cells):
            colour = cell_colour[cell]
            for kind in range(4):
                colour = _mix(colour * np.uint64(5) + node[kind, group[kind, cell]])
            cell_colour[cell] = colour
            total += _mix(colour)
    return total


@njit(cache=True, nogil=True)
def _fingerprints(questions, solutions, row_of, column_of, box_of, side, box_rows, box_columns, rounds, transpose, result):
    for i in range(questions.shape[0]):
        question, solution = questions[i], solutions[i]
        result[i] = _mix(_refined(question, solution, row_of, column_of, box_of, side, box_rows, box_columns, rounds))
        if transpose:
            result[i] += _mix(_refined(question, solution, column_of, row_of, box_of, side, box_columns, box_rows, rounds))


def fingerprints(questions: np.ndarray, solutions: np.ndarray, board: Board) -> np.ndarray:
    """Symmetry-class fingerprints.

    Args:
        questions: (N, cells) uint8 digits, 0 where empty.
        solutions: (N, cells) uint8 digits; the questions again where no solution is known (comparable only among such).

    Returns:
        (N,) uint64, equal for puzzles that the board's symmetries carry into each other.
    """
    if board.side == 4:
        return row_hash(np.where(questions > 0, 16, 0) + relabelled(solutions, board.side))
    result = np.zeros(len(questions), np.uint64)
    questions, solutions = np.ascontiguousarray(questions, np.uint8), np.ascontiguousarray(solutions, np.uint8)
    geometry = (board.row_of, board.column_of, board.box_of, board.side, board.box_rows, board.box_columns)
    _fingerprints(questions, solutions, *geometry, ROUNDS, board.square_boxes, result)
    return result


def relabelled(grids: np.ndarray, side: int) -> np.ndarray:
    """Digits renamed in the order of their first appearance; 0 stays 0."""
    present = grids[:, :, None] == np.arange(1, side + 1)
    first = np.where(present.any(axis=1), present.argmax(axis=1), grids.shape[1])
    rank = np.argsort(np.argsort(first, axis=1, kind="stable"), axis=1) + 1
    names = np.concatenate([np.zeros((len(grids), 1), rank.dtype), rank], axis=1)
    return np.take_along_axis(names, grids.astype(np.int64), axis=1)
