"""Examples on their way to a model: the stream for training, whole splits in batches for evaluation."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from hrmlab.core.batches import Batch
from hrmlab.data.example_set import ExampleSet
from hrmlab.data.training_stream import TrainingStream


class EvaluationBatch(NamedTuple):
    """Examples to score.

    Attributes:
        examples: always the full batch size, so that compiled models see one shape; surplus rows repeat row 0.
        rows: (B,) row in the split; -1 marks a surplus row, which nobody counts.
    """

    examples: Batch
    rows: Tensor


class StreamLoader:
    """Hands the stream itself to every training step, which takes as many examples as it has free slots."""

    def __init__(self, stream: TrainingStream) -> None:
        self.stream = stream

    def __iter__(self) -> Iterator[TrainingStream]:
        while True:
            yield self.stream

    def state_dict(self) -> dict[str, Any]:
        """Empty: the position belongs to the step that drew, and is saved with the slots. Tells Lightning that resuming is exact."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to do; see :meth:`state_dict`."""


class EvaluationLoader:
    """Every row of a split exactly once over all processes, in batches of one size.

    Processes share whole batches, so that a batch holds the same rows however many they are, and every answer is the same to the last bit.
    All processes get as many batches, the last ones perhaps of surplus rows alone: they meet when metrics are added up, and in every batch
    where each has only a part of the weights.

    Args:
        examples: the split.
        batch_size: rows of a batch.
        rank: this process takes batches rank, rank + world_size, ...
        world_size: processes that share the split.
    """

    def __init__(self, examples: ExampleSet, *, batch_size: int, rank: int = 0, world_size: int = 1) -> None:
        self.examples = examples
        self.batch_size = max(1, min(batch_size, len(examples)))
        starts = range(0, len(examples), self.batch_size)
        every = max(1, -(-len(starts) // world_size))
        own = starts[rank::world_size]
        self._starts = [*own, *[len(examples)] * (every - len(own))]

    def __len__(self) -> int:
        return len(self._starts)

    def __iter__(self) -> Iterator[EvaluationBatch]:
        arrays = (self.examples.inputs, self.examples.labels, self.examples.puzzle_ids)
        inputs, labels, puzzle_ids = (torch.from_numpy(array) for array in arrays)
        count = len(self.examples)
        for start in self._starts:
            rows = torch.arange(start, min(start + self.batch_size, count))
            surplus = self.batch_size - len(rows)
            index = torch.cat((rows, torch.full((surplus,), -1)))
            source = index.clamp(min=0)
            yield EvaluationBatch(Batch(inputs[source].long(), labels[source].long(), puzzle_ids[source].long()), index)
