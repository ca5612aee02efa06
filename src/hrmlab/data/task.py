"""What every puzzle task offers to training, evaluation and audits."""

from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hrmlab.core.randomness import CounterRandom
from hrmlab.core.task import TaskSpec
from hrmlab.data.example_set import ExampleSet, Splits


class Augmentation(ABC):
    """Random symmetries applied to a batch on its own device, without synchronising with the host."""

    @abstractmethod
    def to(self, device: torch.device | str) -> "Augmentation":
        """The same augmentation with its tables on ``device``."""

    @abstractmethod
    def __call__(self, inputs: Tensor, labels: Tensor, index: Tensor, random: CounterRandom) -> tuple[Tensor, Tensor]:
        """Transform each example by a symmetry drawn from its own random numbers.

        Args:
            inputs, labels: (B, S) int64 token ids.
            index: (B,) int64 row of each example in the training set.
            random: numbers for the B draws.

        Returns:
            inputs and labels, (B, S) int64.
        """


class Task(ABC):
    """A family of puzzles with its data. ``spec`` is complete right after construction."""

    spec: TaskSpec

    @abstractmethod
    def load(self, *, progress: bool = True) -> Splits:
        """Generate (or take from the cache) or read the three sets: validated, disjoint by symmetry class.

        Args:
            progress: show a bar while generating, if the terminal can.

        Raises:
            UserError: impossible parameters, or a bad file; the sentence names row and reason.
        """

    @abstractmethod
    def read(self, path: str | Path, *, labelled: bool = True) -> ExampleSet:
        """Every row of a user's own file, in order. Without ``labelled`` answers are not needed and all labels are ignored.

        Raises:
            UserError: a bad file or row.
        """

    @abstractmethod
    def augmentation(self, train: ExampleSet) -> Augmentation | None:
        """The random symmetries for this training set; None where the task has none or ``augment`` is off."""

    @abstractmethod
    def score(self, inputs: np.ndarray, labels: np.ndarray, predictions: np.ndarray) -> dict[str, np.ndarray]:
        """Judge predictions by the task's own rules.

        Args:
            inputs, labels, predictions: (N, S) token ids.

        Returns:
            named (N,) bool arrays; may be empty.
        """

    def chance(self, examples: ExampleSet) -> float | None:
        """Expected exact accuracy of filling in what is empty at random; None where that is not a meaningful reference."""
        return None

    @abstractmethod
    def to_text(self, tokens: np.ndarray) -> str:
        """(S,) token ids as one line in the notation of the task's files."""
