"""Validates Sudoku rows and judges predictions."""

import numpy as np

from hrmlab.data.reading import Table
from hrmlab.data.sudoku.board import Board
from hrmlab.data.sudoku.solver import solve

_CHUNK = 65_536


def complete_and_valid(grids: np.ndarray, board: Board) -> np.ndarray:
    """(N,) bool: every unit of (N, cells) digits holds each digit 1..side exactly once. Values outside 0..15 are not allowed."""
    full = sum(1 << digit for digit in range(1, board.side + 1))
    good = np.ones(len(grids), bool)
    for first in range(0, len(grids), _CHUNK):
        bits = np.left_shift(1, grids[first : first + _CHUNK].astype(np.int32))
        good[first : first + _CHUNK] = (np.bitwise_or.reduce(bits[:, board.units], axis=2) == full).all(axis=1)
    return good


def clue_conflict(questions: np.ndarray, board: Board) -> np.ndarray:
    """(N,) bool: some unit holds a clue twice."""
    conflict = np.zeros(len(questions), bool)
    for first in range(0, len(questions), _CHUNK):
        part = questions[first : first + _CHUNK][:, board.units]
        for digit in range(1, board.side + 1):
            conflict[first : first + _CHUNK] |= ((part == digit).sum(axis=2) > 1).any(axis=1)
    return conflict


def validate(table: Table, questions: np.ndarray, answers: np.ndarray | None, board: Board, *, check_unique: bool) -> None:
    """Refuse the first row that is not a proper puzzle.

    Args:
        questions: (N, cells) uint8 digits, 0 where empty.
        answers: (N, cells) uint8 digits, or None for questions without answers.
        check_unique: also solve each question and refuse those with several solutions (or, without answers, with none).

    Raises:
        UserError: a clue contradicts the answer or another clue, an answer breaks the rules, or a puzzle has several solutions.
    """
    if answers is not None:
        contradicted = (questions > 0) & (questions != answers)
        if contradicted.any():
            row, cell = np.argwhere(contradicted)[0].tolist()
            table.refuse(
                row,
                f"the clue {questions[row, cell]} at row {cell // board.side + 1}, column {cell % board.side + 1} contradicts "
                f"the answer's {answers[row, cell]}; correct one of them",
            )
        wrong = ~complete_and_valid(answers, board)
        if wrong.any():
            table.refuse(int(wrong.argmax()), "the answer has a digit twice in a row, column or box; correct it")
    else:
        wrong = clue_conflict(questions, board)
        if wrong.any():
            table.refuse(int(wrong.argmax()), "the question has a digit twice in a row, column or box; correct it")
    if check_unique:
        counts = solve(questions, board, limit=2)[1]
        if (counts != 1).any():
            row = int((counts != 1).argmax())
            reason = "more than one solution" if counts[row] else "no solution"
            table.refuse(row, f"the question has {reason}; add or correct clues, or set data.check_unique=false to accept it")


def breaks_no_rule(questions: np.ndarray, predictions: np.ndarray, board: Board) -> np.ndarray:
    """(N,) bool: the prediction is a full grid without repetition that keeps every clue. Both (N, cells) digits, any values."""
    in_range = ((predictions >= 1) & (predictions <= board.side)).all(axis=1)
    keeps_clues = ((questions == 0) | (questions == predictions)).all(axis=1)
    return in_range & keeps_clues & complete_and_valid(np.clip(predictions, 0, 15), board)
