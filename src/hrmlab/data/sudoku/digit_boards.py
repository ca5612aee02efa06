"""A Sudoku position as one bit board for each digit, and naked and hidden singles on it.

Of each digit three words say where it may still stand: one a band, the band's cells in reading order from bit 0. So one operation looks at
all cells of a band. What singles leave does not depend on the order in which they are found, nor does whether they end in a contradiction:
either way candidates only ever go, and each of them for a reason that stays.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

from hrmlab.data.sudoku.board import BOX_SHAPES, board

BANDS = 3
"""Words of a digit; the third is empty on a 4x4 board."""


class Tables(NamedTuple):
    """What compiled code knows of a board.

    Attributes:
        side, bands, box_rows: its shape.
        spread: times a line's columns gives those columns in each line of a band.
        full: (BANDS,) every cell of a band.
        others: (cells, BANDS) all cells but those that see this one.
        alone: (2^side,) of the columns in which a digit may stand in a band those that no other column of the same box is beside; -1: some
            box has none.
    """

    side: int
    bands: int
    box_rows: int
    spread: int
    full: np.ndarray
    others: np.ndarray
    alone: np.ndarray


@cache
def tables(side: int) -> Tables:
    """Those of the board of this side."""
    layout = board(side)
    box_rows, box_columns = BOX_SHAPES[side]
    band_cells = box_rows * side
    bands = side // box_rows
    full = np.zeros(BANDS, np.int64)
    full[:bands] = (1 << band_cells) - 1
    others = np.tile(full, (layout.cells, 1))
    for cell, peers in enumerate(layout.peers.tolist()):
        for peer in peers:
            others[cell, peer // band_cells] &= ~(1 << peer % band_cells)
    alone = np.zeros(1 << side, np.int64)
    for columns in range(1 << side):
        boxes = [columns >> first & ((1 << box_columns) - 1) for first in range(0, side, box_columns)]
        kept = sum(box << index * box_columns for index, box in enumerate(boxes) if box.bit_count() == 1)
        alone[columns] = kept if all(boxes) else -1
    return Tables(side, bands, box_rows, sum(1 << row * side for row in range(box_rows)), full, others, alone)


@intrinsic
def _trailing_zeros(typing_context, bits):
    def code(context, builder, signature, arguments):
        return builder.cttz(arguments[0], context.get_constant(types.boolean, True))

    return types.int64(types.int64), code


@njit(cache=True, nogil=True)
def lowest(bits):
    """The number of the lowest bit of an int64 other than 0."""
    return _trailing_zeros(bits)  # pyright: ignore[reportCallIssue] - numba gives the first argument


@njit(cache=True, nogil=True)
def positions(count, side):
    """Room for ``count`` positions: of each (side + 2, BANDS) int64: the digits' boards, the settled cells, and what propagation jots down.

    A cell is settled when its digit has been taken from all cells that see it.
    """
    return np.empty((count, side + 2, BANDS), np.int64)


@njit(cache=True, nogil=True)
def open_position(question, tables, room, at):
    """Write the position of a question of (cells,) digits, 0 where empty, to ``room[at]``: its clues are settled, all else is open."""
    side, band_cells = tables.side, tables.box_rows * tables.side
    for band in range(BANDS):
        room[at, side, band] = 0
    for cell in range(question.shape[0]):
        if question[cell]:
            room[at, side, cell // band_cells] |= 1 << (cell % band_cells)
    for digit in range(side):
        for band in range(BANDS):
            room[at, digit, band] = tables.full[band] & ~room[at, side, band]
    for cell in range(question.shape[0]):
        if question[cell]:
            room[at, question[cell] - 1, cell // band_cells] |= 1 << (cell % band_cells)
    for cell in range(question.shape[0]):  # last, so that equal clues which see each other leave neither
        if question[cell]:
            for band in range(BANDS):
                room[at, question[cell] - 1, band] &= tables.others[cell, band]


@njit(cache=True, nogil=True)
def settle(room, at, tables, digit, band, bit):
    """Write ``digit`` (from 0) into the cell; returns the digits, as a mask, whose boards it changed."""
    side = tables.side
    cell = band * tables.box_rows * side + lowest(bit)
    room[at, side, band] |= bit
    changed = 1 << digit
    for other in range(side):  # without a branch: which digits the cell could have is anybody's guess, the processor's too
        here = room[at, other, band]
        changed |= np.int64(here & bit != 0) << other
        room[at, other, band] = here & ~bit
    room[at, digit, band] |= bit
    for place in range(BANDS):
        room[at, digit, place] &= tables.others[cell, place]
    return changed


@njit(cache=True, nogil=True)
def propagate(room, at, tables, dirty):
    """Apply naked and hidden singles to ``room[at]`` until nothing changes; False on a contradiction.

    Args:
        room: see :func:`positions`.
        dirty: mask of the digits whose boards changed since hidden singles were last looked for.
    """
    side, line, band_cells = tables.side, (1 << tables.side) - 1, tables.box_rows * tables.side
    while True:
        found = True
        while found:
            found = False
            for band in range(tables.bands):
                once, twice = 0, 0
                for digit in range(side):
                    here = room[at, digit, band]
                    twice |= once & here
                    once |= here
                if once != tables.full[band]:
                    return False
                singles = once & ~twice & ~room[at, side, band]
                if singles:
                    found = True
                    for digit in range(side):
                        here = singles & room[at, digit, band]
                        while here:
                            bit = here & -here
                            if room[at, digit, band] & bit == 0:
                                return False
                            here ^= bit
                            room[at, side, band] |= bit
                            dirty |= 1 << digit
                            cell = band * band_cells + lowest(bit)
                            for place in range(BANDS):
                                room[at, digit, place] &= tables.others[cell, place]
        if dirty == 0:
            return True
        while dirty:
            digit = lowest(dirty)
            dirty &= dirty - 1
            column_once, column_twice = 0, 0
            for band in range(tables.bands):
                here = room[at, digit, band]
                once, twice, alone, nowhere = 0, 0, 0, False
                for row in range(tables.box_rows):
                    places = here >> (row * side) & line
                    nowhere |= places == 0
                    alone |= (places & -np.int64(places & (places - 1) == 0)) << (row * side)
                    twice |= once & places
                    once |= places
                in_boxes = tables.alone[once]
                if nowhere or in_boxes < 0:
                    return False
                room[at, side + 1, band] = alone | (in_boxes & ~twice) * tables.spread
                column_twice |= (column_once & once) | twice
                column_once |= once
            if column_once != line:
                return False
            in_columns = (column_once & ~column_twice) * tables.spread
            for band in range(tables.bands):
                new = (room[at, side + 1, band] | in_columns) & room[at, digit, band] & ~room[at, side, band]
                while new:
                    bit = new & -new
                    new ^= bit
                    if room[at, digit, band] & bit == 0:
                        return False
                    dirty |= settle(room, at, tables, digit, band, bit)
