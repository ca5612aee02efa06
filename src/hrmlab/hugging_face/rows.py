"""Padding on any side: reasoners read rows that begin at the first column, so padding is moved to the end and the answer moved back."""

from typing import NamedTuple

import torch
from torch import Tensor


class LeftAligned(NamedTuple):
    """Rows whose own tokens come first.

    Attributes:
        order: (B, S) int64 the column that each place came from; None where nothing had to be moved.
    """

    order: Tensor | None

    @classmethod
    def by(cls, own: Tensor | None) -> "LeftAligned":
        """How rows are moved whose own tokens are marked (B, S) bool; None for all."""
        if own is None or bool((own[:, :-1] | ~own[:, 1:]).all()):
            return cls(None)
        return cls(torch.argsort(~own, dim=1, stable=True))

    def moved(self, values: Tensor) -> Tensor:
        """(B, S) values, each row's own first and in their order."""
        return values if self.order is None else values.gather(1, self.order)

    def back(self, values: Tensor) -> Tensor:
        """(B, S, ...) values, each at the column that it came from."""
        if self.order is None:
            return values
        place = self.order.argsort(dim=1)
        return values[torch.arange(len(values), device=values.device)[:, None], place]
