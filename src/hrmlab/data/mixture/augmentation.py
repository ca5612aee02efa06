"""Each task's own augmentation on its own rows of a mixed batch."""

from typing import NamedTuple

import torch
from torch import Tensor

from hrmlab.core.batches import Batch
from hrmlab.core.randomness import CounterRandom
from hrmlab.data.task import Augmentation


class Augmented(NamedTuple):
    """One task's share of the training set.

    Attributes:
        augmentation: its own.
        first_row, rows: which rows of the common training set are the task's.
        length: tokens in its own rows.
        first_puzzle_id: that of its own id 0.
    """

    augmentation: Augmentation
    first_row: int
    rows: int
    length: int
    first_puzzle_id: int


class MixtureAugmentation(Augmentation):
    """Every augmentation sees the whole batch, its task's rows as they are and zeros elsewhere, so that shapes stay the same."""

    def __init__(self, shares: list[Augmented]) -> None:
        self._shares = shares

    def to(self, device: torch.device | str) -> "MixtureAugmentation":
        """See :class:`hrmlab.data.task.Augmentation`."""
        return MixtureAugmentation([share._replace(augmentation=share.augmentation.to(device)) for share in self._shares])

    def __call__(self, batch: Batch, rows: Tensor, random: CounterRandom) -> Batch:
        """See :class:`hrmlab.data.task.Augmentation`."""
        for share in self._shares:
            own_rows = rows - share.first_row
            mine = (own_rows >= 0) & (own_rows < share.rows)
            own = slice(1, 1 + share.length)
            seen = Batch(
                inputs=torch.where(mine[:, None], batch.inputs[:, own], 0),
                labels=torch.where(mine[:, None], batch.labels[:, own], 0),
                puzzle_ids=torch.where(mine, batch.puzzle_ids - share.first_puzzle_id, 0),
            )
            drawn = share.augmentation(seen, torch.where(mine, own_rows, 0), random)
            inputs, labels = batch.inputs.clone(), batch.labels.clone()
            inputs[:, own] = torch.where(mine[:, None], drawn.inputs, inputs[:, own])
            labels[:, own] = torch.where(mine[:, None], drawn.labels, labels[:, own])
            batch = Batch(inputs, labels, torch.where(mine, drawn.puzzle_ids + share.first_puzzle_id, batch.puzzle_ids))
        return batch
