"""Rotations and reflections of mazes on the training device."""

import numpy as np
import torch
from torch import Tensor

from hrmlab.core.batches import Batch
from hrmlab.core.randomness import CounterRandom
from hrmlab.data.maze.search import FLOOR, PATH, label
from hrmlab.data.maze.symmetry import dihedral_cells
from hrmlab.data.task import Augmentation


class MazeAugmentation(Augmentation):
    """Each draw takes one of the eight images of its maze, with the path that the label rule chooses in that image.

    The rule breaks ties by direction, so the image of a label is in general not the label of the image. All eight are therefore
    worked out beforehand: 8 * N * S bytes on the device.
    """

    def __init__(self, inputs: np.ndarray, side: int) -> None:
        """Prepare the images of (N, S) training mazes."""
        images = np.stack([label(inputs[:, cells].astype(np.uint8), side)[0] for cells in dihedral_cells(side)], axis=1)
        self._labels = torch.from_numpy(images)

    def to(self, device: torch.device | str) -> "MazeAugmentation":
        """See :class:`hrmlab.data.task.Augmentation`."""
        moved = object.__new__(MazeAugmentation)
        moved._labels = self._labels.to(device)
        return moved

    def __call__(self, batch: Batch, rows: Tensor, random: CounterRandom) -> Batch:
        """See :class:`hrmlab.data.task.Augmentation`."""
        images = self._labels[rows, random.integers("dihedral", 8)[:, 0]].long()
        return batch._replace(inputs=images.masked_fill(images == PATH, FLOOR), labels=images)
