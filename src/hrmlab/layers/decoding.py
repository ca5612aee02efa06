"""What a causal reasoner keeps between the tokens of a generation, so that it does not read its prefix again for each of them."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor


class DecodingState(ABC):
    """The memory of a batch of rows that are being written, a few tokens at a time.

    A generation step runs all stages of a reasoner (segments, cycles, layers) in the same order every time, so a stage needs no name: the
    n-th memory belongs to the n-th stage that asks.

    Attributes:
        positions: (B, T) int64 where in its row (the puzzle prefix counted) each new token of this step stands.
        counts: (B,) int64 how many of the T new tokens are a row's own; the others fill up a shorter row, at its end.
    """

    def __init__(self) -> None:
        self.positions = torch.empty(0)
        self.counts = torch.empty(0)
        self._steps = 0

    @property
    def in_first_step(self) -> bool:
        """Whether this step is the one that rows begin with."""
        return self._steps == 1

    def begin(self, positions: Tensor, *, counts: Tensor, longest: int, level: bool = False) -> None:
        """Start a step.

        Args:
            positions: see the attribute. A position may be written again: what stood there is replaced.
            counts: see the attribute.
            longest: one more than the largest position, known to the host so that nothing has to wait for the device.
            level: whether all rows stand at the same positions, those up to ``longest``; then nothing has to be scattered or masked.
        """
        self.positions, self.counts = positions, counts
        self._steps += 1

    @abstractmethod
    def select(self, rows: Tensor) -> None:
        """Keep these rows (K,) int64 only, in this order."""


class RecurrentState(DecodingState):
    """Hidden states of recurrent stages: for each the one after the last token that was read."""

    def __init__(self) -> None:
        super().__init__()
        self._states: list[Tensor] = []
        self._next = 0

    def begin(self, positions: Tensor, *, counts: Tensor, longest: int, level: bool = False) -> None:
        """See :meth:`DecodingState.begin`."""
        super().begin(positions, counts=counts, longest=longest, level=level)
        self._next = 0

    def recall(self, fresh: Tensor) -> Tensor:
        """The state (B, ...) in which this stage goes on; ``fresh`` (B, ...) where rows begin."""
        return fresh if self.in_first_step else self._states[self._next]

    def remember(self, states: Tensor) -> None:
        """Keep of the states after each new token (B, T, ...) the one after each row's last own token; the stage is done for this step."""
        last = states[torch.arange(len(states), device=states.device), self.counts - 1]
        if self.in_first_step:
            self._states.append(last)
        else:
            self._states[self._next] = last
        self._next += 1

    def select(self, rows: Tensor) -> None:
        """See :meth:`DecodingState.select`."""
        self._states = [state[rows] for state in self._states]
