"""The training batch as slots that halt and refill one by one."""

from typing import Any

import torch
from torch import Tensor

from hrmlab.core.batches import Batch, Carry
from hrmlab.data.training_stream import TrainingStream
from hrmlab.models.precision import Computation


class Slots:
    """B examples in work, each at its own segment.

    Attributes:
        batch: the examples.
        carry: the reasoner's state for each.
        segments: (B,) int64 segments each example has had.
        halted: (B,) bool, done: to be refilled before the next segment.
    """

    def __init__(self, computation: Computation, stream: TrainingStream, batch_size: int) -> None:
        self.batch = stream.empty_batch(batch_size)
        self.carry: Carry = computation.initial_carry(batch_size)
        self.segments = torch.zeros(batch_size, dtype=torch.int64, device=self.batch.inputs.device)
        self.halted = torch.ones(batch_size, dtype=torch.bool, device=self.batch.inputs.device)

    def refill(self, computation: Computation, stream: TrainingStream) -> None:
        """The next examples and a fresh state for halted slots; the others keep theirs. Counts the segment that follows."""
        self.batch = stream.draw(self.halted, self.batch)
        self.carry = computation.reasoner.restart(self.carry, self.halted)
        self.segments = torch.where(self.halted, 0, self.segments) + 1

    def state_dict(self) -> dict[str, Any]:
        """Tensors on the CPU, plain containers only."""
        tensors: dict[str, Tensor] = {**self.batch._asdict(), "segments": self.segments, "halted": self.halted}
        return {"tensors": {k: v.cpu() for k, v in tensors.items()}, "carry": {k: v.cpu() for k, v in self.carry.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        device = self.batch.inputs.device
        tensors = {name: tensor.to(device) for name, tensor in state["tensors"].items()}
        self.segments, self.halted = tensors.pop("segments"), tensors.pop("halted")
        self.batch = Batch(**tensors)
        self.carry = {name: tensor.to(device) for name, tensor in state["carry"].items()}
