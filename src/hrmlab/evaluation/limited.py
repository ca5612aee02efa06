"""A reasoner that is stopped after a number of segments of the caller's choice."""

from torch import nn

from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.errors import UserError
from hrmlab.layers.decoding import DecodingState
from hrmlab.models.precision import Computation


class Limited:
    """Calls a reasoner as evaluation and generation do, for so many segments.

    Args:
        computation: prepared.
        segments: None for the model's own.

    Raises:
        UserError: fewer than one segment.
    """

    def __init__(self, computation: Computation, segments: int | None) -> None:
        own = computation.max_segments
        if segments is not None and segments < 1:
            raise UserError(f"segments={segments} is below 1; give at least 1, or leave it out for the model's own {own}")
        self._computation, self.max_segments, self.prefix_length = computation, segments or own, computation.prefix_length
        self.sees_future = computation.sees_future

    def initial_carry(self, batch_size: int, positions: int | None = None) -> Carry:
        return self._computation.initial_carry(batch_size, positions)

    def decoding_state(self, *, capacity: int) -> DecodingState | None:
        return self._computation.decoding_state(capacity=capacity)

    def stacks(self) -> list[nn.Module]:
        return self._computation.stacks()

    def __call__(self, carry: Carry, batch: Batch, state: DecodingState | None = None) -> tuple[Carry, Prediction]:
        return self._computation(carry, batch, state)
