"""Symmetries of questions that leave their answers what they are, and how an answer to the image is turned back."""

from typing import NamedTuple

from torch import Tensor


class Symmetry(NamedTuple):
    """One for each of B rows: cells move, and tokens get new names.

    Attributes:
        cells: (B, S) int64 the cell that moves to each place: a permutation.
        tokens: (B, V) int64 the new token of each token: a permutation.
    """

    cells: Tensor
    tokens: Tensor

    def image(self, rows: Tensor) -> Tensor:
        """The images of (B, S) token ids."""
        return self.tokens.gather(1, rows.long().gather(1, self.cells))

    def undo(self, logits: Tensor) -> Tensor:
        """Token scores (B, S, V) of the images as token scores of the rows themselves."""
        place = self.cells.argsort(dim=1)
        own = logits.gather(1, place[..., None].expand_as(logits))
        return own.gather(2, self.tokens[:, None].expand_as(own))
