"""Sudoku without learning and without search: guesses among the digits that the rules leave, before or after filling by elimination."""

import numpy as np
from numba import njit

from hrmlab.core.randomness import stream
from hrmlab.data.sudoku.board import Board
from hrmlab.data.sudoku.digit_boards import open_position, positions, propagate, tables


def candidates_by_clues(questions: np.ndarray, board: Board) -> np.ndarray:
    """The digits of each cell that no clue in its row, column or box has.

    Args:
        questions: (N, cells) digits, 0 where empty.

    Returns:
        (N, cells) int32 masks, bit d - 1 for digit d; of a clue its own bit alone.
    """
    own = np.where(questions > 0, 1 << np.maximum(questions.astype(np.int32) - 1, 0), 0)
    taken = np.bitwise_or.reduce(own[:, board.units], axis=2)
    places = np.stack([board.row_of, board.side + board.column_of, 2 * board.side + board.box_of])
    seen = np.bitwise_or.reduce(taken[:, places], axis=1)
    return np.where(questions > 0, own, ((1 << board.side) - 1) & np.invert(seen)).astype(np.int32)


def candidates_by_elimination(questions: np.ndarray, board: Board) -> np.ndarray:
    """The digits that are left when naked and hidden singles have been filled in until nothing changes; masks as above."""
    masks = np.zeros(questions.shape, np.int32)
    _eliminate(np.ascontiguousarray(questions, np.uint8), tables(board.side), masks)
    return masks


@njit(cache=True, nogil=True)
def _eliminate(questions, tables, masks):
    room, band_cells = positions(1, tables.side), tables.box_rows * tables.side
    for row in range(questions.shape[0]):
        open_position(questions[row], tables, room, 0)
        propagate(room, 0, tables, (1 << tables.side) - 1)
        for cell in range(questions.shape[1]):
            for digit in range(tables.side):
                masks[row, cell] |= (room[0, digit, cell // band_cells] >> (cell % band_cells) & 1) << digit


def guesses(masks: np.ndarray, board: Board, *, purpose: str) -> np.ndarray:
    """(N, cells) digits, each drawn evenly from its cell's candidates (from all digits where there are none); the same for equal masks."""
    left = (np.where(masks == 0, (1 << board.side) - 1, masks)[..., None] >> np.arange(board.side)) & 1
    wanted = (stream(0, "trivial", "sudoku", purpose).random(masks.shape) * left.sum(-1)).astype(np.int64)
    return (left.cumsum(-1) > wanted[..., None]).argmax(-1) + 1


def expected_of_guesses(masks: np.ndarray, answers: np.ndarray, *, unique: bool) -> dict[str, float]:
    """What guessing evenly among candidates scores on average, exactly.

    Args:
        masks: (N, cells) candidates.
        answers: (N, cells) digits of the solutions.
        unique: whether each puzzle has one solution, so that an answer that breaks no rule is that one; else nothing is said of it.
    """
    right = np.where((masks >> (answers.astype(np.int32) - 1)) & 1, 1 / np.maximum(np.bitwise_count(masks), 1), 0.0)
    whole = float(right.prod(axis=1).mean())
    return {"cell_accuracy": float(right.mean()), "exact_accuracy": whole, **({"breaks_no_rule": whole} if unique else {})}
