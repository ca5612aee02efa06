"""Views and places of puzzles on the training device: gathers on integer tensors."""

import numpy as np
import torch
from torch import Tensor

from hrmlab.core.batches import Batch
from hrmlab.core.randomness import CounterRandom
from hrmlab.core.task import IGNORED_LABEL
from hrmlab.data.arc.grids import END, FIRST_COLOUR, PAD, size_of
from hrmlab.data.arc.views import FLIPS_COLUMNS, FLIPS_ROWS, SWAPS, Views
from hrmlab.data.example_set import ExampleSet
from hrmlab.data.task import Augmentation


class ArcAugmentation(Augmentation):
    """Each draw takes one of the views of its puzzle, with that view's puzzle id, and moves input and answer alike to a random place.

    As in the release, one in as many draws as a puzzle has pairs stays at the top left, where tests are asked.

    Args:
        train: rows of puzzles as they are, at the top left.
        views: what every puzzle id stands for.
        side: rows and columns of a row of tokens.
        translate: move grids at all.
    """

    def __init__(self, train: ExampleSet, views: Views, *, side: int, translate: bool) -> None:
        self._side, self._translate = side, translate
        place = views.place(train.puzzle_ids)
        pairs = np.bincount(train.groups, minlength=1)[train.groups]
        answers = np.where(train.labels == IGNORED_LABEL, PAD, train.labels)
        sizes = np.stack([*size_of(train.inputs, side), *size_of(answers, side)], axis=1)
        tokens = np.tile(np.arange(FIRST_COLOUR + views.colours.shape[1], dtype=np.uint8), (len(views), 1))
        tokens[:, FIRST_COLOUR:] = FIRST_COLOUR + views.colours
        self._tables = {
            "count": torch.from_numpy(views.first[place + 1] - views.first[place]),
            "stay": torch.from_numpy(1.0 / pairs),
            "sizes": torch.from_numpy(sizes.astype(np.int64)),
            "images": torch.from_numpy(views.images.astype(np.int64)),
            "tokens": torch.from_numpy(tokens),
            "moves": torch.from_numpy(np.stack([SWAPS, FLIPS_ROWS, FLIPS_COLUMNS])),
        }

    def to(self, device: torch.device | str) -> "ArcAugmentation":
        """See :class:`hrmlab.data.task.Augmentation`."""
        moved = object.__new__(ArcAugmentation)
        moved._side, moved._translate = self._side, self._translate
        moved._tables = {name: table.to(device) for name, table in self._tables.items()}
        return moved

    def __call__(self, batch: Batch, rows: Tensor, random: CounterRandom) -> Batch:
        """See :class:`hrmlab.data.task.Augmentation`."""
        tables, sizes = self._tables, self._tables["sizes"][rows]
        view = (random.uniform("view", 1)[:, 0] * tables["count"][rows]).long()
        ids = batch.puzzle_ids + view
        swaps, flips_rows, flips_columns = tables["moves"][:, tables["images"][ids]]
        swapped = torch.where(swaps[:, None], sizes[:, [1, 0, 3, 2]], sizes)
        offsets = torch.zeros_like(sizes[:, :2])
        if self._translate:
            room = self._side - torch.maximum(swapped[:, :2], swapped[:, 2:])
            moves = random.uniform("stay", 1) >= tables["stay"][rows][:, None]
            offsets = (random.uniform("place", 2) * (room + 1)).long() * moves
        tokens = tables["tokens"][ids].long()

        def image(of: Tensor, size: Tensor) -> Tensor:
            """(B, S) tokens of grids at the top left, with (B, 2) rows and columns, in their view and place."""
            cells = torch.arange(self._side, device=of.device)
            row = cells[None, :, None] - offsets[:, :1, None]  # (B, side, 1), counted from the grid's first
            column = cells[None, None, :] - offsets[:, 1:, None]
            height, width = size[:, 0, None, None], size[:, 1, None, None]
            swap, flip_rows, flip_columns = (part[:, None, None] for part in (swaps, flips_rows, flips_columns))
            high, wide = torch.where(swap, width, height), torch.where(swap, height, width)
            in_rows, in_columns = (row >= 0) & (row < high), (column >= 0) & (column < wide)
            from_row, from_column = torch.where(swap, column, row), torch.where(swap, row, column)
            from_row = torch.where(flip_rows, height - 1 - from_row, from_row)
            from_column = torch.where(flip_columns, width - 1 - from_column, from_column)
            source = (from_row * self._side + from_column).flatten(1).clamp(0, self._side**2 - 1)
            coloured = tokens.gather(1, of.gather(1, source).clamp(min=PAD))
            end = ((row == high) & in_columns) | ((column == wide) & in_rows)
            return torch.where((in_rows & in_columns).flatten(1), coloured, torch.where(end.flatten(1), END, PAD))

        labels = image(batch.labels, sizes[:, 2:])
        return Batch(image(batch.inputs, sizes[:, :2]), labels.masked_fill(labels == PAD, IGNORED_LABEL), ids)
