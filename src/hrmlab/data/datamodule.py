"""A puzzle task as Lightning drives it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import lightning.pytorch as pl
import numpy as np
import torch
from torch import Tensor

from hrmlab.core.batches import PuzzleBatch
from hrmlab.data.puzzle_set import PuzzleSet, PuzzleSplits
from hrmlab.data.stream import PuzzleStream
from hrmlab.data.task import PuzzleTask


class EvaluationBatch(NamedTuple):
    """Examples to score.

    Attributes:
        examples: always the full batch size, so that compiled models see one shape; surplus rows repeat row 0.
        rows: (B,) row in the split; -1 marks a surplus row, which nobody counts.
    """

    examples: PuzzleBatch
    rows: Tensor


class StreamLoader:
    """Hands the stream itself to every training step, which takes as many examples as it has free slots."""

    def __init__(self, stream: PuzzleStream) -> None:
        self.stream = stream

    def __iter__(self) -> Iterator[PuzzleStream]:
        while True:
            yield self.stream

    def state_dict(self) -> dict[str, Any]:
        """Empty: the position belongs to the step that drew, and is saved with the slots. Tells Lightning that resuming is exact."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to do; see :meth:`state_dict`."""


class EvaluationLoader:
    """Every row of a split exactly once over all processes, in batches of one size.

    A process without rows gets one batch of surplus rows, so that all of them meet when metrics are added up.

    Args:
        examples: the split.
        batch_size: rows of a batch.
        rank: this process takes rows rank, rank + world_size, ...
        world_size: processes that share the split.
    """

    def __init__(self, examples: PuzzleSet, *, batch_size: int, rank: int = 0, world_size: int = 1) -> None:
        self.examples = examples
        self.batch_size = max(1, min(batch_size, -(-len(examples) // world_size)))
        self.rows = torch.arange(len(examples))[rank::world_size]

    def __len__(self) -> int:
        return max(1, -(-len(self.rows) // self.batch_size))

    def __iter__(self) -> Iterator[EvaluationBatch]:
        arrays = (self.examples.inputs, self.examples.labels, self.examples.puzzle_ids)
        inputs, labels, puzzle_ids = (torch.from_numpy(array) for array in arrays)
        for start in range(0, max(1, len(self.rows)), self.batch_size):
            rows = self.rows[start : start + self.batch_size]
            surplus = self.batch_size - len(rows)
            index = torch.cat((rows, torch.full((surplus,), -1)))
            source = index.clamp(min=0)
            yield EvaluationBatch(PuzzleBatch(inputs[source].long(), labels[source].long(), puzzle_ids[source].long()), index)


class PuzzleDataModule(pl.LightningDataModule):
    """Splits of a puzzle task: training as a stream on the device, validation and test as plain batches.

    Args:
        task: where the puzzles come from.
        seed: of the training order and augmentation.
        evaluation_batch_size: rows of an evaluation batch.
        validation_examples: rows of the validation split that are used while training; None for all.
        progress: show progress while puzzles are generated.
    """

    def __init__(
        self, *, task: PuzzleTask, seed: int, evaluation_batch_size: int, validation_examples: int | None = None, progress: bool = True
    ) -> None:
        super().__init__()
        self.task, self.seed, self.progress = task, seed, progress
        self.evaluation_batch_size, self.validation_examples = evaluation_batch_size, validation_examples
        self._splits: PuzzleSplits | None = None

    @property
    def splits(self) -> PuzzleSplits:
        """Train, validation and test; loaded (or generated) at first use."""
        if self._splits is None:
            self._splits = self.task.load(progress=self.progress)
        return self._splits

    def _place(self) -> dict[str, int]:
        trainer = self.trainer
        return {"rank": trainer.global_rank, "world_size": trainer.world_size} if trainer is not None else {}

    def stream(self, device: torch.device) -> PuzzleStream:
        """The training stream of this process."""
        train = self.splits.train
        augmentation = self.task.augmentation(train)
        return PuzzleStream(examples=train, augmentation=augmentation, seed=self.seed, device=device, **self._place())

    def train_dataloader(self) -> StreamLoader:
        assert self.trainer is not None
        return StreamLoader(self.stream(self.trainer.strategy.root_device))

    def evaluation_loader(self, examples: PuzzleSet) -> EvaluationLoader:
        """This process's share of a split, every row of which is scored once over all processes."""
        return EvaluationLoader(examples, batch_size=self.evaluation_batch_size, **self._place())

    def val_dataloader(self) -> EvaluationLoader:
        validation = self.splits.validation
        if self.validation_examples is not None:
            validation = validation.select(np.arange(min(self.validation_examples, len(validation))))
        return self.evaluation_loader(validation)
