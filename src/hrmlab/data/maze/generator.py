"""Draws mazes with walls placed independently, and S and G whose shortest path has a length in a given range.

Wall model, measured on the published 30x30 Maze-Hard set: every cell is a wall with a probability of about 0.37 (standard
deviation over mazes 0.028), and a shortest path has at least 110 cells.
"""

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from hrmlab.core.errors import UserError
from hrmlab.core.randomness import stream_key
from hrmlab.data.maze.search import FLOOR, GOAL, START, WALL, breadth_first
from hrmlab.data.splitmix import draw_integer, draw_uniform

GENERATOR_VERSION = 1
"""Raise when the mazes drawn for a key change: cached sets are keyed by it."""

SMALLEST, LARGEST = 4, 30
DENSITY_DEVIATION = 0.028
"""Standard deviation of the wall density over mazes."""

TRIES = 32
"""Mazes drawn for one key before it is given up."""

TIERS: dict[str | None, tuple[float, float]] = {
    None: (1.5, math.inf),
    "easy": (1.0, 1.5),
    "medium": (1.5, 2.25),
    "hard": (2.25, 11 / 3),
    "extreme": (11 / 3, math.inf),
}
"""Path lengths of each difficulty in multiples of the side, least (inclusive) and greatest (exclusive); 11 / 3 is 110 cells at 30."""


@dataclass(frozen=True, kw_only=True)
class MazeShape:
    """What is drawn.

    Attributes:
        side: rows and columns.
        wall_density: mean share of cells that are walls.
        minimum_path, maximum_path: cells on the shortest path, S and G counted, inclusive.
    """

    side: int
    wall_density: float
    minimum_path: int
    maximum_path: int


def choose_shape(
    *,
    side: int,
    difficulty: str | None = None,
    wall_density: float = 0.37,
    minimum_path: int | None = None,
    maximum_path: int | None = None,
) -> MazeShape:
    """The shape of a difficulty tier, its path lengths replaced by those given.

    Raises:
        UserError: a value is out of range or the lengths exclude each other.
    """
    if not SMALLEST <= side <= LARGEST:
        raise UserError(f"data.side={side} is out of range for mazes; use {SMALLEST} to {LARGEST}")
    if not 0 <= wall_density <= 0.7:
        raise UserError(f"data.wall_density={wall_density} is out of range; use a share from 0 to 0.7, e.g. 0.37")
    if difficulty not in TIERS:
        raise UserError(f"data.difficulty={difficulty} does not exist; use easy, medium, hard, extreme or null")
    low, high = TIERS[difficulty]
    minimum = math.ceil(low * side) if minimum_path is None else minimum_path
    maximum = (math.ceil(high * side) - 1 if math.isfinite(high) else side * side) if maximum_path is None else maximum_path
    if minimum < 2:
        raise UserError(f"data.minimum_path={minimum} is too short; a path has at least the 2 cells S and G")
    if minimum > maximum:
        raise UserError(f"data.minimum_path={minimum} is above data.maximum_path={maximum}; raise the one or lower the other")
    if minimum > side * side:
        raise UserError(f"data.minimum_path={minimum} is more than the {side * side} cells of a {side}x{side} maze; lower it")
    return MazeShape(side=side, wall_density=wall_density, minimum_path=minimum, maximum_path=maximum)


@njit(cache=True, nogil=True)
def _distances(maze, side, start, parent, queue, distance):
    """Cells on the way from ``start`` to each cell reached, both counted; returns how many cells are reached."""
    reached = breadth_first(maze, side, start, -1, parent, queue)
    distance[start] = 1
    for i in range(1, reached):
        distance[queue[i]] = distance[parent[queue[i]]] + 1
    return reached


@njit(cache=True, nogil=True)
def _generate(keys, side, density, deviation, minimum, maximum, tries, mazes, lengths):
    cells = side * side
    state = np.empty(1, np.uint64)
    parent, queue, distance = np.empty(cells, np.int32), np.empty(cells, np.int32), np.empty(cells, np.int32)
    for row in range(keys.shape[0]):
        state[0] = keys[row]
        maze = mazes[row]
        for _ in range(tries):
            normal = math.sqrt(-2.0 * math.log(1.0 - draw_uniform(state))) * math.cos(2.0 * math.pi * draw_uniform(state))
            share = density + deviation * normal
            floors = 0
            for cell in range(cells):
                maze[cell] = WALL if draw_uniform(state) < share else FLOOR
                if maze[cell] == FLOOR:
                    queue[floors] = cell
                    floors += 1
            if floors < minimum:
                continue
            start = queue[draw_integer(state, floors)]
            reached = _distances(maze, side, start, parent, queue, distance)
            if distance[queue[reached - 1]] < minimum:
                start = queue[reached - 1]
                reached = _distances(maze, side, start, parent, queue, distance)
            first = 0
            while first < reached and distance[queue[first]] < minimum:
                first += 1
            last = first
            while last < reached and distance[queue[last]] <= maximum:
                last += 1
            if first == last:
                continue
            goal = queue[first + draw_integer(state, last - first)]
            if draw_integer(state, 2):
                start, goal = goal, start
            maze[start], maze[goal] = START, GOAL
            lengths[row] = max(distance[start], distance[goal])
            break


def generate_for_keys(keys: np.ndarray, shape: MazeShape) -> tuple[np.ndarray, np.ndarray]:
    """One maze for each key. The search for S starts anywhere and moves to the cell farthest from there if no G is far enough.

    Args:
        keys: (N,) uint64, e.g. from :func:`hrmlab.core.randomness.stream_key`.

    Returns:
        mazes (N, side * side) uint8 tokens; lengths (N,) int64, 0 for a key whose draws found no path in the range.
    """
    mazes = np.zeros((len(keys), shape.side**2), np.uint8)
    lengths = np.zeros(len(keys), np.int64)
    keys = np.ascontiguousarray(keys, np.uint64)
    _generate(keys, shape.side, shape.wall_density, DENSITY_DEVIATION, shape.minimum_path, shape.maximum_path, TRIES, mazes, lengths)
    return mazes, lengths


def generate(count: int, shape: MazeShape, *, seed: int = 0, chunk: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """The first ``count`` mazes of a shape: mazes (count, cells) uint8 tokens and path lengths (count,) int64."""
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    found, first = 0, 0
    while found < count:
        keys = np.array([stream_key(seed, "maze", "generate", index) for index in range(first, first + chunk)], np.uint64)
        mazes, lengths = generate_for_keys(keys, shape)
        parts.append((mazes[lengths > 0], lengths[lengths > 0]))
        found, first = found + int((lengths > 0).sum()), first + chunk
    return np.concatenate([mazes for mazes, _ in parts])[:count], np.concatenate([lengths for _, lengths in parts])[:count]
