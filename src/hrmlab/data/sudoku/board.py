"""The geometry of a Sudoku board: which cells see each other."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from hrmlab.core.errors import UserError

BOX_SHAPES = {4: (2, 2), 6: (2, 3), 9: (3, 3)}
"""Rows and columns of a box for each side."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Board:
    """Lookup tables of one board size. Cells are numbered row by row from 0.

    Attributes:
        side: cells in a row; also the number of digits.
        box_rows, box_columns: the shape of a box; a band has ``box_rows`` rows, a stack ``box_columns`` columns.
        units: (3 * side, side) uint8 cells of each row, then each column, then each box.
        peers: (side * side, P) uint8 the other cells that share a unit with a cell.
        row_of, column_of, box_of: (side * side,) uint8 unit of each cell.
    """

    side: int
    box_rows: int
    box_columns: int
    units: np.ndarray
    peers: np.ndarray
    row_of: np.ndarray
    column_of: np.ndarray
    box_of: np.ndarray

    @property
    def cells(self) -> int:
        """side * side."""
        return self.side * self.side

    @property
    def square_boxes(self) -> bool:
        """Whether transposing a grid gives a grid of the same board."""
        return self.box_rows == self.box_columns


@cache
def board(side: int) -> Board:
    """The board of this side.

    Raises:
        UserError: there is no such board.
    """
    if side not in BOX_SHAPES:
        raise UserError(f"data.side={side} is not a Sudoku size; use 4, 6 or 9")
    box_rows, box_columns = BOX_SHAPES[side]
    cell = np.arange(side * side)
    row, column = cell // side, cell % side
    box = row // box_rows * (side // box_columns) + column // box_columns
    units = np.stack([np.flatnonzero(group == number) for group in (row, column, box) for number in range(side)])
    sees = (row[:, None] == row) | (column[:, None] == column) | (box[:, None] == box)
    peers = np.stack([np.flatnonzero(sees[i] & (cell != i)) for i in cell])
    tables = {"units": units, "peers": peers, "row_of": row, "column_of": column, "box_of": box}
    return Board(side=side, box_rows=box_rows, box_columns=box_columns, **{name: table.astype(np.uint8) for name, table in tables.items()})
