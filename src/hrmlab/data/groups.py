"""The units that an epoch of training draws: single rows, or groups of rows that belong together."""

import numpy as np
import torch
from torch import Tensor

from hrmlab.core.randomness import CounterRandom
from hrmlab.data.example_set import ExampleSet


class Groups:
    """The rows of a training set by the group they belong to; a row of no group is a unit of its own.

    Args:
        examples: N rows.
        device: where members are looked up.

    Attributes:
        sizes: (U,) int64 how many members each unit has.
        ratings, weights: (U,) float64 the mean of each unit's members; a rating is NaN where one of them has none, the largest weight of a
            row is 1.
    """

    def __init__(self, examples: ExampleSet, device: torch.device | str = "cpu") -> None:
        groups = examples.groups
        alone = groups < 0
        self._single = bool(alone.all())
        if self._single:  # as nearly always, and without tables of the size of a large set
            self.sizes = np.broadcast_to(np.int64(1), len(groups))
            self.ratings = examples.ratings.astype(np.float64)
            self.weights = examples.weights / examples.weights.max()
            return
        labels = np.where(alone, np.arange(len(groups), dtype=np.int64) + (int(groups.max(initial=-1)) + 1), groups.astype(np.int64))
        _, unit, sizes = np.unique(labels, return_inverse=True, return_counts=True)
        self.sizes = sizes.astype(np.int64)
        weights = examples.weights / examples.weights.max()  # so that no sum overflows
        self.ratings, self.weights = (
            np.bincount(unit, weights=values.astype(np.float64), minlength=len(sizes)) / sizes for values in (examples.ratings, weights)
        )
        rows = np.argsort(labels, kind="stable")
        ends = sizes.cumsum()
        self._rows, self._starts, self._sizes = (
            torch.from_numpy(part.astype(np.int64)).to(device) for part in (rows, ends - sizes, self.sizes)
        )
        # (N,) what the weights of the rows in this order add up to so far; None where all weigh the same.
        self._reach = None if weigh_the_same(examples.weights) else torch.from_numpy(weights[rows].cumsum()).to(device)

    def __len__(self) -> int:
        return len(self.sizes)

    def row(self, unit: Tensor, random: CounterRandom) -> Tensor:
        """(B,) a random member of each unit (B,), in proportion to its weight."""
        if self._single:
            return unit
        share = random.uniform("member", 1)[:, 0]
        start, size = self._starts[unit], self._sizes[unit]
        if self._reach is None:
            return self._rows[start + (share * size).long()]
        last = start + size - 1
        before = torch.where(start > 0, self._reach[(start - 1).clamp(min=0)], 0.0)
        place = torch.searchsorted(self._reach, before + share * (self._reach[last] - before), right=True)
        return self._rows[torch.minimum(torch.maximum(place, start), last)]


def weigh_the_same(weights: np.ndarray) -> bool:
    """Whether weights choose nothing."""
    return bool((weights == weights[:1]).all())
