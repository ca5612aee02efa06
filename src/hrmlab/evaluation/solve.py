"""Run a reasoner on examples to the end, once, and read off both ways of stopping."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.task import IGNORED_LABEL
from hrmlab.models.halting import wants_to_halt, whole_example


class SegmentCall(Protocol):
    """A reasoner in some precision, as the evaluation needs it."""

    max_segments: int

    def initial_carry(self, batch_size: int) -> Carry: ...

    def __call__(self, carry: Carry, batch: Batch) -> tuple[Carry, Prediction]: ...


class Solution(NamedTuple):
    """What came out, for B examples.

    Attributes:
        answers: (B, S) token ids after all segments.
        halting_answers: (B, S) token ids at the segment where learned halting stopped.
        segments: (B,) float64 that segment, counted from 1; in causal mode each token stops by itself: the mean over asked tokens.
        believed: (B,) bool, whether the model there expected its answer (all asked tokens) to be right; None where it has no halting head.
        answers_by_segment: (segments run, B, S) token ids after each segment.
        confidence: (B,) float, the halting head's score of the halting answer, a mean over asked tokens in causal mode; NaN without a head.
    """

    answers: Tensor
    halting_answers: Tensor
    segments: Tensor
    believed: Tensor | None
    answers_by_segment: Tensor
    confidence: Tensor

    def select(self, kept: Tensor) -> "Solution":
        """The rows marked in ``kept`` (B,) bool."""
        believed = None if self.believed is None else self.believed[kept]
        return Solution(
            self.answers[kept],
            self.halting_answers[kept],
            self.segments[kept],
            believed,
            self.answers_by_segment[:, kept],
            self.confidence[kept],
        )

    def cpu(self) -> "Solution":
        """With its tensors in the host's memory."""
        return self._replace(**{name: part.cpu() for name, part in self._asdict().items() if part is not None})

    @staticmethod
    def joined(parts: Sequence["Solution"]) -> "Solution":
        """The rows of all parts."""
        believed = [part.believed for part in parts if part.believed is not None]
        return Solution(
            torch.cat([part.answers for part in parts]),
            torch.cat([part.halting_answers for part in parts]),
            torch.cat([part.segments for part in parts]),
            torch.cat(believed) if believed else None,
            torch.cat([part.answers_by_segment for part in parts], dim=1),
            torch.cat([part.confidence for part in parts]),
        )


@torch.no_grad()
def solve(call: SegmentCall, batch: Batch, *, beyond: int = 1) -> Solution:
    """All segments of a batch. One pass serves both scores: fixed segments (the last answer) and learned halting (the first stop).

    Args:
        call: the reasoner; its ``max_segments`` are those of training, after which both scores are read.
        batch: B examples.
        beyond: go on to so many times those segments, for ``answers_by_segment`` alone; a reasoner without a carry has nothing to go on
            from.
    """
    carry = call.initial_carry(len(batch.inputs))
    answers: list[Tensor] = []
    halting: _FirstStop | None = None
    cap = call.max_segments
    for number in range(1, cap * (beyond if carry else 1) + 1):
        carry, prediction = call(carry, batch)
        answers.append(prediction.logits.argmax(-1))
        halting = halting or _FirstStop(batch, prediction)
        if number <= cap:
            halting.see(answers[-1], prediction, number=number, last=number == cap)
    assert halting is not None
    return Solution(
        answers[cap - 1], halting.answers, halting.mean_segments(), halting.whole_belief(), torch.stack(answers), halting.mean_confidence()
    )


class _FirstStop:
    """Remembers, for every example or (causal) every token, what was said when it first wanted to stop."""

    def __init__(self, batch: Batch, prediction: Prediction) -> None:
        self._labels = batch.labels
        of_tokens = prediction.q_halt_logits is not None and prediction.q_halt_logits.dim() == 2
        shape = batch.inputs.shape if of_tokens else batch.inputs.shape[:1]
        self._stopped = torch.zeros(shape, dtype=torch.bool, device=batch.inputs.device)
        self._segments = torch.zeros(shape, dtype=torch.int64, device=batch.inputs.device)
        self._believed: Tensor | None = None
        self._confidence = torch.full(shape, float("nan"), device=batch.inputs.device)
        self.answers = torch.zeros_like(batch.inputs)

    def see(self, answers: Tensor, prediction: Prediction, *, number: int, last: bool) -> None:
        """The segment with this number (from 1) said ``answers`` (B, S)."""
        wants = wants_to_halt(prediction)
        stops = ~self._stopped & (torch.ones_like(self._stopped) if last else torch.zeros_like(self._stopped) if wants is None else wants)
        self.answers = torch.where(stops if stops.dim() == 2 else stops[:, None], answers, self.answers)
        self._segments = torch.where(stops, number, self._segments)
        if prediction.q_halt_logits is not None:
            belief = prediction.q_halt_logits > 0
            self._believed = belief if self._believed is None else torch.where(stops, belief, self._believed)
            self._confidence = torch.where(stops, prediction.q_halt_logits.float(), self._confidence)
        self._stopped = self._stopped | stops

    def mean_segments(self) -> Tensor:
        """(B,) float64."""
        if self._segments.dim() == 1:
            return self._segments.double()
        asked = self._labels != IGNORED_LABEL
        return (self._segments * asked).sum(-1).double() / asked.sum(-1).clamp(min=1)

    def mean_confidence(self) -> Tensor:
        """(B,) float32."""
        if self._confidence.dim() == 1:
            return self._confidence
        asked = self._labels != IGNORED_LABEL
        return torch.where(asked, self._confidence, 0.0).sum(-1) / asked.sum(-1).clamp(min=1)

    def whole_belief(self) -> Tensor | None:
        """(B,) bool."""
        return None if self._believed is None else whole_example(self._believed, self._labels)
