"""The training batch as slots that halt and refill one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from hrmlab.core.batches import Batch, Carry
from hrmlab.data.training_stream import TrainingStream
from hrmlab.models.precision import Computation


@dataclass
class Slots:
    """B examples in work, each at its own segment.

    Attributes:
        batch: the examples.
        carry: the reasoner's state for each.
        segments: (B,) int64 segments each example has had.
        halted: (B,) bool, done: to be refilled before the next segment.
    """

    batch: Batch
    carry: Carry
    segments: Tensor
    halted: Tensor

    @classmethod
    def empty(cls, computation: Computation, stream: TrainingStream, batch_size: int) -> Self:
        """So many slots that wait for their first examples."""
        batch = stream.empty_batch(batch_size)
        device = batch.inputs.device
        return cls(
            batch,
            computation.initial_carry(batch_size),
            segments=torch.zeros(batch_size, dtype=torch.int64, device=device),
            halted=torch.ones(batch_size, dtype=torch.bool, device=device),
        )

    def refill(self, computation: Computation, stream: TrainingStream, *, step: int) -> None:
        """The next examples (of this step) and a fresh state for halted slots; the others keep theirs. Counts the segment that follows."""
        self.batch = stream.draw(self.halted, self.batch, step=step)
        self.carry = computation.reasoner.restart(self.carry, self.halted)
        self.segments = torch.where(self.halted, 0, self.segments) + 1

    def parts(self, size: int) -> list["Slots"]:
        """The slots by so many, in order, to be put together again by :meth:`join`; themselves where one part holds all."""
        count = len(self.segments)
        return [self] if size >= count else [self._slice(slice(start, start + size)) for start in range(0, count, size)]

    def join(self, parts: Sequence["Slots"]) -> None:
        """Take what became of the parts."""
        if len(parts) > 1:
            self.carry = {name: torch.cat([part.carry[name] for part in parts]) for name in self.carry}
            self.halted = torch.cat([part.halted for part in parts])

    def _slice(self, which: slice) -> "Slots":
        batch = Batch(*(tensor[which] for tensor in self.batch))
        return Slots(batch, {name: tensor[which] for name, tensor in self.carry.items()}, self.segments[which], self.halted[which])

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
