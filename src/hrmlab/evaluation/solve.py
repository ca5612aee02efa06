"""Run a reasoner on examples to the end, once, and read off both ways of stopping."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.evaluation.correctness import correctness
from hrmlab.evaluation.first_stop import FirstStop


class SegmentCall(Protocol):
    """A reasoner in some precision, as the evaluation needs it."""

    max_segments: int

    def initial_carry(self, batch_size: int) -> Carry: ...

    def __call__(self, carry: Carry, batch: Batch) -> tuple[Carry, Prediction]: ...


class Solution(NamedTuple):
    """What came out, for B examples.

    Of examples that left where the model wanted to stop (:mod:`hrmlab.evaluation.refilling`), ``answers`` are ``halting_answers``, and
    ``answers_by_segment`` and ``exact_by_segment`` hold them alone.

    Attributes:
        answers: (B, S) token ids after all segments.
        halting_answers: (B, S) token ids at the segment where learned halting stopped.
        segments: (B,) float64 that segment, counted from 1; in causal mode each token stops by itself: the mean over asked tokens.
        believed: (B,) bool, whether the model there expected its answer (all asked tokens) to be right; None where it has no halting head.
        answers_by_segment: (max_segments, B, S) token ids after each segment of those of training.
        exact_by_segment: (segments run, B) bool, whether every asked token is right after each segment.
        confidence: (B,) float, the halting head's score of the halting answer, a mean over asked tokens in causal mode; NaN without a head.
    """

    answers: Tensor
    halting_answers: Tensor
    segments: Tensor
    believed: Tensor | None
    answers_by_segment: Tensor
    exact_by_segment: Tensor
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
            self.exact_by_segment[:, kept],
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
            torch.cat([part.exact_by_segment for part in parts], dim=1),
            torch.cat([part.confidence for part in parts]),
        )


@torch.no_grad()
def solve(call: SegmentCall, batch: Batch, *, beyond: int = 1) -> Solution:
    """All segments of a batch. One pass serves both scores: fixed segments (the last answer) and learned halting (the first stop).

    Args:
        call: the reasoner; its ``max_segments`` are those of training, after which both scores are read.
        batch: B examples.
        beyond: go on to so many times those segments, for ``exact_by_segment`` alone; a reasoner without a carry has nothing to go on
            from.
    """
    carry = call.initial_carry(len(batch.inputs))
    answers: list[Tensor] = []
    exact: list[Tensor] = []
    halting: FirstStop | None = None
    cap = call.max_segments
    for number in range(1, cap * (beyond if carry else 1) + 1):
        carry, prediction = call(carry, batch)
        said = prediction.logits.argmax(-1)
        exact.append(correctness(said, batch.labels).exact)
        if number <= cap:
            answers.append(said)
            halting = FirstStop.of(batch.inputs, batch.labels, prediction) if halting is None else halting
            halting = halting.after(said, prediction, number=number, last=number == cap)
    assert halting is not None
    return Solution(
        answers[-1],
        halting.answers,
        halting.mean_segments(),
        halting.whole_belief(),
        torch.stack(answers),
        torch.stack(exact),
        halting.mean_confidence(),
    )
