"""The eight rotations and reflections of a square grid, and the classes of mazes under them."""

import numpy as np

from hrmlab.data.fingerprint import row_hash

CLASS_RULE = "mazes up to the 8 rotations and reflections of the square"


def dihedral_cells(side: int) -> np.ndarray:
    """(8, side * side) int64: transformed = original[..., cells[k]]; k = 0 is the identity."""
    grid = np.arange(side * side).reshape(side, side)
    return np.stack([np.rot90(base, turns).ravel() for base in (grid, grid.T) for turns in range(4)])


def fingerprints(mazes: np.ndarray, side: int) -> np.ndarray:
    """(N,) uint64: the least hash among the eight images of (N, cells) tokens, equal for mazes that are images of each other."""
    return np.stack([row_hash(mazes[:, cells]) for cells in dihedral_cells(side)]).min(axis=0)
