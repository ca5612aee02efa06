"""Run a reasoner on examples to the end, once, and read off both ways of stopping."""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from hrmlab.core.batches import Carry, Prediction, PuzzleBatch
from hrmlab.models.halting import decide_halting


class SegmentCall(Protocol):
    """A reasoner in some precision, as the evaluation needs it."""

    max_segments: int

    def initial_carry(self, batch_size: int) -> Carry: ...

    def __call__(self, carry: Carry, batch: PuzzleBatch) -> tuple[Carry, Prediction]: ...


class Solution(NamedTuple):
    """What came out, for B examples.

    Attributes:
        answers: (B, S) token ids after all segments.
        halting_answers: (B, S) token ids at the segment where learned halting stopped.
        segments: (B,) that segment, counted from 1.
        believed: (B,) bool, whether the model at that segment expected its answer to be right; None where it has no halting head.
        answers_by_segment: (max_segments, B, S) token ids after each segment.
    """

    answers: Tensor
    halting_answers: Tensor
    segments: Tensor
    believed: Tensor | None
    answers_by_segment: Tensor

    def select(self, kept: Tensor) -> "Solution":
        """The rows marked in ``kept`` (B,) bool."""
        believed = None if self.believed is None else self.believed[kept]
        return Solution(self.answers[kept], self.halting_answers[kept], self.segments[kept], believed, self.answers_by_segment[:, kept])


@torch.no_grad()
def solve(call: SegmentCall, batch: PuzzleBatch) -> Solution:
    """All segments of a batch. One pass serves both scores: fixed segments (the last answer) and learned halting (the first stop)."""
    size = len(batch.inputs)
    carry = call.initial_carry(size)
    answers: list[Tensor] = []
    stopped = torch.zeros(size, dtype=torch.bool, device=batch.inputs.device)
    segments = torch.zeros(size, dtype=torch.int64, device=batch.inputs.device)
    halting_answers, believed = torch.zeros_like(batch.inputs), None
    for number in range(1, call.max_segments + 1):
        carry, prediction = call(carry, batch)
        answers.append(prediction.logits.argmax(-1))
        stops = ~stopped & decide_halting(
            prediction, torch.full_like(segments, number), max_segments=call.max_segments, exploration=0.0, random=None
        )
        halting_answers = torch.where(stops[:, None], answers[-1], halting_answers)
        segments = torch.where(stops, number, segments)
        if prediction.q_halt_logits is not None:
            belief = prediction.q_halt_logits > 0
            believed = belief if believed is None else torch.where(stops, belief, believed)
        stopped = stopped | stops
    return Solution(answers[-1], halting_answers, segments, believed, torch.stack(answers))
