"""Views of a puzzle: rotated or reflected, with its colours renamed. Each has a puzzle id of its own, as in HRM's release."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hrmlab.core.randomness import stream
from hrmlab.data.arc.grids import COLOURS, Grid
from hrmlab.data.arc.puzzles import Puzzle

SWAPS, FLIPS_ROWS, FLIPS_COLUMNS = np.array(
    # unchanged, turned left once, twice, three times, mirrored left to right, top to bottom, at the diagonal, at the other diagonal
    [[0, 1, 0, 1, 0, 0, 1, 1], [0, 0, 1, 1, 0, 1, 0, 1], [0, 1, 1, 0, 1, 0, 0, 1]],
    bool,
)
"""(8,) each: how cell (i, j) of an image is found in its original: (j, i) if swapped, then counted from the other end where flipped."""

INVERSES = np.array([0, 3, 2, 1, 4, 5, 6, 7])
"""(8,) which image of the image is the original."""

_TRIES = 5
"""Draws for each view that is wanted, as in the release; a puzzle of few colours has no more different views than that."""


def turned(grid: np.ndarray, image: int) -> np.ndarray:
    """The image with this number, 0..7, of a grid (rows, columns)."""
    grid = grid[::-1] if FLIPS_ROWS[image] else grid
    grid = grid[:, ::-1] if FLIPS_COLUMNS[image] else grid
    return grid.T if SWAPS[image] else grid


@dataclass(frozen=True, eq=False)
class Views:
    """The view that each puzzle id stands for.

    Id 0 is that of puzzles that are not known, unchanged; then come the views of the first puzzle, its own first, and so on.

    Attributes:
        images: (P,) uint8 which of the eight images.
        colours: (P, 10) uint8 what each colour becomes; black stays black.
        first: (K + 1,) int64 the id of each of K puzzles as it is, and P.
    """

    images: np.ndarray
    colours: np.ndarray
    first: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    def ids(self, puzzle: int, most: int | None = None) -> range:
        """The ids of a puzzle's views, or of the first ``most`` of them."""
        first, last = int(self.first[puzzle]), int(self.first[puzzle + 1])
        return range(first, last if most is None else min(last, first + most))

    def place(self, puzzle_ids: np.ndarray) -> np.ndarray:
        """(N,) int64 the place of the puzzle that each id above 0 is a view of."""
        return np.searchsorted(self.first, puzzle_ids, side="right") - 1

    def seen(self, grid: Grid, puzzle_id: int) -> Grid:
        """A grid as this view shows it."""
        return self.colours[puzzle_id][turned(grid, int(self.images[puzzle_id]))]

    def original(self, grid: Grid, puzzle_id: int) -> Grid:
        """The grid that this view shows as ``grid``."""
        back = np.argsort(self.colours[puzzle_id]).astype(np.uint8)
        return back[turned(grid, int(INVERSES[self.images[puzzle_id]]))]


def draw_views(puzzles: Sequence[Puzzle], *, augmentations: int, seed: int) -> Views:
    """Each puzzle as it is, and up to ``augmentations`` further views that differ in image or in a colour that the puzzle has.

    A puzzle's views depend on its name and on ``seed`` alone, not on the other puzzles. There are 8 images and 9! permutations of the
    colours other than black, which stands for the background.
    """
    images, colours, counts = [np.zeros((1,), np.uint8)], [np.arange(COLOURS, dtype=np.uint8)[None]], []
    for puzzle in puzzles:
        drawn_images, drawn_colours = _drawn(puzzle, augmentations, seed)
        images.append(drawn_images)
        colours.append(drawn_colours)
        counts.append(len(drawn_images))
    first = 1 + np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    return Views(np.concatenate(images), np.concatenate(colours), first)


def _drawn(puzzle: Puzzle, augmentations: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    tries = _TRIES * augmentations
    random = stream(seed, "arc", "views", puzzle.name)
    images = np.concatenate([[0], random.integers(0, 8, tries)]).astype(np.uint8)
    others = 1 + random.random((tries, COLOURS - 1)).argsort(axis=1)
    colours = np.zeros((1 + tries, COLOURS), np.uint8)
    colours[0], colours[1:, 1:] = np.arange(COLOURS), others
    visible = np.column_stack([images, colours[:, puzzle.colours()]])
    _, first = np.unique(visible, axis=0, return_index=True)
    kept = np.sort(first)[: 1 + augmentations]
    return images[kept], colours[kept]


def fingerprint(grid: Grid) -> int:
    """64 bits that are equal for grids that are views of each other: the least hash of the eight images, colours named as they appear."""
    return min(_hash(_named_by_appearance(turned(grid, image))) for image in range(8))


def _named_by_appearance(grid: Grid) -> Grid:
    present, first = np.unique(grid, return_index=True)
    others = present[np.argsort(first)]
    others = others[others != 0]
    names = np.zeros(COLOURS, np.uint8)
    names[others] = np.arange(1, 1 + len(others))
    return names[grid]


def _hash(grid: Grid) -> int:
    digest = hashlib.blake2b(bytes(grid.shape) + np.ascontiguousarray(grid, np.uint8).tobytes(), digest_size=8)
    return int.from_bytes(digest.digest(), "little")
