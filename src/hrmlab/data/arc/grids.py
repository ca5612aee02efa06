"""Grids of up to ten colours as rows of tokens: 0 beyond the grid, 1 at its end, then the colours (as HRM's release encodes them)."""

import numpy as np

PAD, END, FIRST_COLOUR, COLOURS = 0, 1, 2, 10
VOCABULARY = FIRST_COLOUR + COLOURS
SYMBOLS = ".|0123456789"
"""One character for each token."""

LARGEST = 30
"""Rows and columns of ARC's grids, at most."""

PALETTE = {
    ".": "#ffffff",
    "|": "#cccccc",
    "0": "#000000",
    "1": "#0074d9",
    "2": "#ff4136",
    "3": "#2ecc40",
    "4": "#ffdc00",
    "5": "#aaaaaa",
    "6": "#f012be",
    "7": "#ff851b",
    "8": "#7fdbff",
    "9": "#870c25",
}
"""Symbol -> colour as people draw ARC; what is no grid is white, its end light grey."""

Grid = np.ndarray
"""(rows, columns) uint8 colours 0..9."""


def encode(grid: Grid, side: int) -> np.ndarray:
    """(side * side,) int32 tokens: the grid at the top left, ``END`` below it and to its right where there is room, then ``PAD``."""
    rows, columns = grid.shape
    tokens = np.full((side, side), PAD, np.int32)
    tokens[:rows, :columns] = grid.astype(np.int32) + FIRST_COLOUR
    tokens[rows : rows + 1, :columns] = END
    tokens[:rows, columns : columns + 1] = END
    return tokens.ravel()


def decode(tokens: np.ndarray, side: int) -> Grid:
    """The largest rectangle of colours at the top left of (side * side,) tokens, whatever stands behind it; 0 x 0 where there is none.

    How the release reads an answer: an answer need not be tidy beyond its grid.
    """
    square = np.asarray(tokens).reshape(side, side)
    filled = (square >= FIRST_COLOUR) & (square < VOCABULARY)
    # Columns that are full down to each row; they can only become fewer.
    widths = np.minimum.accumulate(np.where(filled.all(axis=1), side, filled.argmin(axis=1)))
    rows = int((widths * np.arange(1, side + 1)).argmax())
    return (square[: rows + 1, : widths[rows]] - FIRST_COLOUR).astype(np.uint8) if widths[rows] else np.zeros((0, 0), np.uint8)


def size_of(tokens: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """(N,) rows and (N,) columns of the grids that (N, side * side) tokens of :func:`encode` hold."""
    filled = tokens.reshape(-1, side, side) >= FIRST_COLOUR
    return filled[:, :, 0].sum(axis=1), filled[:, 0, :].sum(axis=1)


def text_of(grid: Grid) -> str:
    """``010/111``: one digit for each cell, rows apart by a slash."""
    return "/".join("".join(map(str, row)) for row in grid.tolist())
