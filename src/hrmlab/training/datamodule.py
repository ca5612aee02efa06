"""A task as Lightning drives it."""

import lightning.pytorch as pl
import numpy as np
import torch

from hrmlab.data.example_set import ExampleSet, Splits
from hrmlab.data.loading import EvaluationLoader, StreamLoader
from hrmlab.data.selection import Curriculum
from hrmlab.data.task import Task
from hrmlab.data.training_stream import TrainingStream, order_hash


class TaskDataModule(pl.LightningDataModule):
    """Splits of a puzzle task: training as a stream on the device, validation and test as plain batches.

    Args:
        task: where the puzzles come from.
        seed: of the training order and augmentation.
        evaluation_batch_size: rows of an evaluation batch.
        validation_examples: rows of the validation split that are used while training; None for all.
        progress: show progress while puzzles are generated.
        curriculum: of the training examples; None for none.
    """

    def __init__(
        self,
        *,
        task: Task,
        seed: int,
        evaluation_batch_size: int,
        validation_examples: int | None = None,
        progress: bool = True,
        curriculum: Curriculum | None = None,
    ) -> None:
        super().__init__()
        self.task, self.seed, self.progress, self.curriculum = task, seed, progress, curriculum
        self.evaluation_batch_size, self.validation_examples = evaluation_batch_size, validation_examples
        self._splits: Splits | None = None

    def load(self) -> None:
        """Load (or generate) the splits, once."""
        if self._splits is None:
            self._splits = self.task.load(progress=self.progress)

    @property
    def splits(self) -> Splits:
        """Train, validation and test."""
        self.load()
        assert self._splits is not None
        return self._splits

    def _place(self) -> tuple[int, int]:
        """Rank of this process, and how many there are."""
        trainer = self.trainer
        return (0, 1) if trainer is None else (trainer.global_rank, trainer.world_size)

    def stream(self, device: torch.device) -> TrainingStream:
        """The training stream of this process."""
        train = self.splits.train
        augmentation = self.task.augmentation(train)
        rank, processes = self._place()
        return TrainingStream(
            examples=train,
            augmentation=augmentation,
            seed=self.seed,
            device=device,
            curriculum=self.curriculum,
            rank=rank,
            world_size=processes,
        )

    def order_hash(self) -> str:
        """Fingerprint of the order in which all processes together draw the training examples."""
        return order_hash(self.seed, self.splits.train, self.curriculum)

    def train_dataloader(self) -> StreamLoader:
        assert self.trainer is not None
        return StreamLoader(self.stream(self.trainer.strategy.root_device))

    def evaluation_loader(self, examples: ExampleSet) -> EvaluationLoader:
        """This process's share of a split, every row of which is scored once over all processes."""
        rank, processes = self._place()
        return EvaluationLoader(examples, batch_size=self.evaluation_batch_size, rank=rank, world_size=processes)

    def val_dataloader(self) -> EvaluationLoader:
        validation = self.splits.validation
        if self.validation_examples is not None:
            validation = validation.select(np.arange(min(self.validation_examples, len(validation))))
        return self.evaluation_loader(validation)
