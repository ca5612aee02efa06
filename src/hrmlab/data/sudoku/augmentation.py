"""Random Sudoku symmetries on the training device."""

import torch
from torch import Tensor

from hrmlab.core.batches import Batch
from hrmlab.core.randomness import CounterRandom, stream_key
from hrmlab.core.symmetry import Symmetry
from hrmlab.data.sudoku.board import Board
from hrmlab.data.task import Augmentation

FIRST_DIGIT = 2
"""Token of the digit 1 (0 is padding, 1 an empty cell)."""


class SudokuAugmentation(Augmentation):
    """Digit relabelling and, for sides above 4, band, stack, row and column permutations, and transposition where boxes are square.

    On 4x4 boards digits alone are relabelled: there puzzles count as the same only up to relabelling, so a wider augmentation
    could turn a training puzzle into a test puzzle.

    Args:
        board: what the puzzles are filled into.
        fixed_views: images that there are of each puzzle, of which a draw takes one; None: every draw makes a new one.
        seed: chooses those images, apart from the seed of training.
    """

    def __init__(self, board: Board, *, fixed_views: int | None = None, seed: int = 0) -> None:
        self._board = board
        self._fixed_views, self._views_key = fixed_views, stream_key(seed, "fixed views")
        self._moves_cells = board.side > 4

    def to(self, device: torch.device | str) -> "SudokuAugmentation":
        """Itself: it has no tables."""
        return self

    def __call__(self, batch: Batch, rows: Tensor, random: CounterRandom) -> Batch:
        """See :class:`hrmlab.data.task.Augmentation`."""
        if self._fixed_views is not None:
            view = random.integers("view", self._fixed_views)[:, 0]
            random = CounterRandom(self._views_key, rows * self._fixed_views + view)
        drawn = self.symmetry(len(batch.inputs), batch.inputs.device, random)
        return batch._replace(inputs=drawn.image(batch.inputs), labels=drawn.image(batch.labels))

    def symmetry(self, batch: int, device: torch.device, random: CounterRandom) -> Symmetry:
        """One for each of ``batch`` draws."""
        cells = self._cells(random) if self._moves_cells else torch.arange(self._board.side**2, device=device).expand(batch, -1)
        return Symmetry(cells, self._token_table(batch, device, random))

    def _token_table(self, batch: int, device: torch.device, random: CounterRandom) -> Tensor:
        """(B, V) int64 the new token of each token."""
        fixed = torch.arange(FIRST_DIGIT, device=device).expand(batch, -1)
        return torch.cat([fixed, random.permutation("digits", self._board.side) + FIRST_DIGIT], dim=1)

    def _cells(self, random: CounterRandom) -> Tensor:
        """(B, cells) int64 the cell that moves to each place."""
        board = self._board
        rows = _lines(random, "bands", "rows", board.side, board.box_rows)
        columns = _lines(random, "stacks", "columns", board.side, board.box_columns)
        cells = rows[:, :, None] * board.side + columns[:, None, :]
        if board.square_boxes:
            flip = random.integers("transpose", 2)[:, :, None] == 1
            cells = torch.where(flip, cells.transpose(1, 2), cells)
        return cells.flatten(1)


def _lines(random: CounterRandom, chute_purpose: str, line_purpose: str, side: int, width: int) -> Tensor:
    """(B, side) int64: chutes of ``width`` lines permuted, and the lines within each."""
    chutes = random.permutation(chute_purpose, side // width)
    within = random.uniform(line_purpose, side).unflatten(1, (side // width, width)).argsort(dim=-1)
    return (chutes[:, :, None] * width + within).flatten(1)
