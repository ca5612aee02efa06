"""Mazes without search: a straight walk from S to G through whatever is in the way, and a walk that always gets nearer."""

import numpy as np

from hrmlab.data.maze.search import COLUMN_STEPS, FLOOR, GOAL, PATH, ROW_STEPS, START, WALL


def straight_paths(mazes: np.ndarray, side: int) -> np.ndarray:
    """Down or up to the goal's row and then along it, or the other way round, whichever meets fewer walls; walls stay walls.

    Args:
        mazes: (N, side * side) tokens with one start and one goal each.

    Returns:
        (N, side * side) tokens with the floor on the way marked.
    """
    answers = mazes.copy()
    for answer in answers:
        grid = answer.reshape(side, side)  # a view
        (row, column), (goal_row, goal_column) = (divmod(int((answer == token).argmax()), side) for token in (START, GOAL))
        rows, columns = _between(row, goal_row), _between(column, goal_column)
        corners = ((rows, column, goal_row, columns), (rows, goal_column, row, columns))
        ways = [[(line, standing) for line in along] + [(lying, place) for place in across] for along, standing, lying, across in corners]
        way = min(ways, key=lambda cells: sum(grid[cell] == WALL for cell in set(cells)))
        for cell in way:
            if grid[cell] == FLOOR:
                grid[cell] = PATH
    return answers


def greedy_walks(mazes: np.ndarray, side: int) -> np.ndarray:
    """From S to an open neighbour that is nearer to G (in rows and columns; down, left, right, up), until there is none.

    Args, Returns: as :func:`straight_paths`, the cells of the walk marked.
    """
    answers = mazes.copy()
    for answer in answers:
        grid = answer.reshape(side, side)
        (row, column), (goal_row, goal_column) = (divmod(int((answer == token).argmax()), side) for token in (START, GOAL))
        stuck = False
        while not stuck:
            stuck = True
            for down, right in zip(ROW_STEPS.tolist(), COLUMN_STEPS.tolist(), strict=True):
                at, along = row + down, column + right
                nearer = abs(at - goal_row) + abs(along - goal_column) < abs(row - goal_row) + abs(column - goal_column)
                if nearer and grid[at, along] != WALL:  # what is nearer lies within the grid
                    row, column, stuck = at, along, False
                    if grid[row, column] == FLOOR:
                        grid[row, column] = PATH
                    break
    return answers


def _between(one: int, other: int) -> range:
    return range(min(one, other), max(one, other) + 1)
