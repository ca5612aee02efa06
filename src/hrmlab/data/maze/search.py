"""Shortest paths in grids of tokens: the label rule, and the judge of any path.

Tokens: 0 padding, 1 wall ``#``, 2 floor (a space), 3 start ``S``, 4 goal ``G``, 5 path ``o``.
"""

import numpy as np
from numba import njit

WALL, FLOOR, START, GOAL, PATH = 1, 2, 3, 4, 5
TOKENS = {"#": WALL, " ": FLOOR, "S": START, "G": GOAL, "o": PATH}
VOCABULARY = 6

ROW_STEPS = np.array([1, 0, 0, -1])
COLUMN_STEPS = np.array([0, -1, 1, 0])
"""The neighbours in the order of the label rule: down, left, right, up."""


@njit(cache=True, nogil=True)
def breadth_first(maze, side, start, goal, parent, queue):
    """Fill (cells,) int32 ``parent`` (-1 unseen, the start its own) by breadth-first search from ``start``, first parent wins.

    Stops when ``goal`` is reached; with a goal of -1 all that can be reached is visited.

    Returns:
        the number of cells in ``queue`` (cells,) int32, in the order of the search.
    """
    parent[:] = -1
    parent[start] = start
    queue[0] = start
    head, tail = 0, 1
    while head < tail:
        cell = queue[head]
        head += 1
        if cell == goal:
            return tail
        row, column = cell // side, cell % side
        for k in range(4):
            r, c = row + ROW_STEPS[k], column + COLUMN_STEPS[k]
            if 0 <= r < side and 0 <= c < side:
                other = r * side + c
                if parent[other] < 0 and maze[other] != WALL:
                    parent[other] = cell
                    queue[tail] = other
                    tail += 1
    return tail


@njit(cache=True, nogil=True)
def _label(mazes, side, labels, lengths):
    cells = side * side
    parent, queue = np.empty(cells, np.int32), np.empty(cells, np.int32)
    for i in range(mazes.shape[0]):
        start, goal = -1, -1
        for cell in range(cells):
            labels[i, cell] = mazes[i, cell]
            if mazes[i, cell] == START:
                start = cell
            elif mazes[i, cell] == GOAL:
                goal = cell
        lengths[i] = 0
        if start < 0 or goal < 0:
            continue
        breadth_first(mazes[i], side, start, goal, parent, queue)
        if parent[goal] < 0:
            continue
        cell, lengths[i] = goal, 1
        while cell != start:
            if mazes[i, cell] == FLOOR:
                labels[i, cell] = PATH
            cell = parent[cell]
            lengths[i] += 1


def label(mazes: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Mark the path that the label rule chooses: breadth-first from S, neighbours down, left, right, up, first parent wins.

    Args:
        mazes: (N, side * side) uint8 tokens with one start and one goal each.

    Returns:
        labels (N, cells) uint8; lengths (N,) int64, the cells on a shortest path, S and G counted, 0 where G cannot be reached.
    """
    mazes = np.ascontiguousarray(mazes, np.uint8)
    labels, lengths = np.empty_like(mazes), np.zeros(len(mazes), np.int64)
    _label(mazes, side, labels, lengths)
    return labels, lengths


def valid_shortest_path(mazes: np.ndarray, predictions: np.ndarray, side: int) -> np.ndarray:
    """Whether each prediction marks some shortest path from S to G and changes nothing else.

    As many floor cells as a shortest path needs are marked, they and S and G hang together, and every other cell is as it was:
    a connected set with just that many cells that holds both ends is a shortest path.

    Args:
        mazes, predictions: (N, side * side) tokens of any integer type.

    Returns:
        (N,) bool.
    """
    marked = predictions == PATH
    unchanged = (np.where(marked, FLOOR, predictions) == mazes).all(axis=1)
    lengths = label(mazes.astype(np.uint8), side)[1]
    right_number = (marked.sum(axis=1) + 2 == lengths) & (lengths > 0)
    on_path = marked | (mazes == START) | (mazes == GOAL)
    _, within = label(np.where(on_path, mazes, WALL).astype(np.uint8), side)
    return unchanged & right_number & (within == lengths)
