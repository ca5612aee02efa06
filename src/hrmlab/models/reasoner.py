"""The contract that every model meets, so that one training loop, one evaluation loop and one report serve them all."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.task import TaskSpec
from hrmlab.layers.cache import KeyValueCache


class Reasoner(nn.Module, ABC):
    """Maps (carry, batch) to (carry, prediction): one supervised segment per call.

    Attributes:
        task: the task it was built for.
        max_segments: after this many segments a slot is halted whatever the halting head says. 1 for a one-pass model.
        exploration: probability with which training demands a random minimum number of segments of an example (Wang et al. 2025,
            "Adaptive computational time").
        halts: whether predictions carry Q-values and training learns them.
    """

    def __init__(self, *, task: TaskSpec, max_segments: int, exploration: float, halting: bool) -> None:
        super().__init__()
        self.task = task
        self.max_segments = max_segments
        self.exploration = exploration
        self.halts = halting

    @abstractmethod
    def forward(self, carry: Carry, batch: Batch, cache: KeyValueCache | None = None) -> tuple[Carry, Prediction]:
        """One segment. The carry that comes back is detached: no gradient crosses segments.

        With a ``cache`` the batch holds only the tokens that follow those that the cache has seen, and the carry only their states; see
        :mod:`hrmlab.layers.cache`.
        """

    def initial_carry(self, batch_size: int, positions: int | None = None) -> Carry:
        """The state of examples that have not been looked at yet; tensors (batch_size, ...).

        Args:
            batch_size: B.
            positions: positions of each row, the puzzle prefix included; None for the task's own length.
        """
        return {}

    @property
    def prefix_length(self) -> int:
        """Positions before the first token."""
        return 0

    def restart(self, carry: Carry, restarted: Tensor) -> Carry:
        """The carry with the slots marked in ``restarted`` (B,) back in their initial state."""
        fresh = self.initial_carry(len(restarted))
        return {
            name: torch.where(restarted.view(-1, *[1] * (state.dim() - 1)), fresh[name].to(state.dtype), state)
            for name, state in carry.items()
        }

    def look_ahead(self, carry: Carry, batch: Batch) -> tuple[Tensor, Tensor]:
        """Q-values (q_halt, q_continue), of the shape that predictions have, of the segment after ``carry``, without its token logits.

        This is what the bootstrapped target of q_continue needs; only reasoners that halt are asked.
        """
        raise TypeError(f"{type(self).__name__} has no halting head")

    @abstractmethod
    def stacks(self) -> list[nn.Module]:
        """The modules worth compiling: they hold nearly all the arithmetic and see static shapes."""

    def compile_stacks(self) -> None:
        """Compile each stack in place; state-dict names stay as they are."""
        for stack in self.stacks():
            stack.compile(dynamic=False)
