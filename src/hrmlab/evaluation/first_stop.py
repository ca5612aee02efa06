"""What was said when a model first wanted to stop, for every example or, in causal mode, every token.

The one place where evaluation applies the rule of :mod:`hrmlab.models.halting`: solving a batch to the end and refilling slots both use it.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from hrmlab.core.batches import Prediction
from hrmlab.core.task import IGNORED_LABEL
from hrmlab.models.halting import wants_to_halt, whole_example


class FirstStop(NamedTuple):
    """The memory of B examples. Shapes (B, ...) are (B,), or (B, S) where each token stops by itself.

    Attributes:
        labels: (B, S) token ids; only where something is asked counts.
        stopped: (B, ...) bool.
        segments: (B, ...) int64 the segment of the stop, counted from 1; 0 before.
        believed: (B, ...) bool, whether the halting head expected its answer there to be right; None without a head.
        confidence: (B, ...) float, its score there; NaN without a head.
        answers: (B, S) token ids said there.
    """

    labels: Tensor
    stopped: Tensor
    segments: Tensor
    believed: Tensor | None
    confidence: Tensor
    answers: Tensor

    @staticmethod
    def of(inputs: Tensor, labels: Tensor, prediction: Prediction) -> "FirstStop":
        """Of examples (B, S) that have not stopped; the prediction tells whether there are scores, and whether each token has its own."""
        of_tokens = prediction.q_halt_logits is not None and prediction.q_halt_logits.dim() == 2
        none = torch.zeros(inputs.shape if of_tokens else inputs.shape[:1], dtype=torch.bool, device=inputs.device)
        return FirstStop(
            labels=labels,
            stopped=none,
            segments=none.long(),
            believed=None if prediction.q_halt_logits is None else none,
            confidence=torch.full(none.shape, float("nan"), device=inputs.device),
            answers=torch.zeros_like(inputs),
        )

    def after(self, said: Tensor, prediction: Prediction, *, number: Tensor | int, last: Tensor | bool) -> "FirstStop":
        """With what a segment said.

        Args:
            said: (B, S) token ids.
            prediction: of the same segment.
            number: of that segment, from 1; one for all, or (B,).
            last: whether it is the last that is allowed, so that everything stops; one for all, or (B,).
        """
        wants = wants_to_halt(prediction)
        stops = ~self.stopped & (self._like(last) if wants is None else wants | self._like(last))
        believed, confidence = self.believed, self.confidence
        if prediction.q_halt_logits is not None and believed is not None:
            believed = torch.where(stops, prediction.q_halt_logits > 0, believed)
            confidence = torch.where(stops, prediction.q_halt_logits.float(), confidence)
        return self._replace(
            stopped=self.stopped | stops,
            segments=torch.where(stops, self._like(number), self.segments),
            believed=believed,
            confidence=confidence,
            answers=torch.where(stops if stops.dim() == 2 else stops[:, None], said, self.answers),
        )

    def _like(self, value: Tensor | bool | int) -> Tensor:
        """One value for all or (B,), broadcastable to (B, ...)."""
        given = torch.as_tensor(value, device=self.stopped.device)
        return given[:, None] if given.dim() == 1 and self.stopped.dim() == 2 else given

    def done(self) -> Tensor:
        """(B,) bool, whether nothing that is asked is still open."""
        return whole_example(self.stopped, self.labels)

    def mean_segments(self) -> Tensor:
        """(B,) float64."""
        if self.segments.dim() == 1:
            return self.segments.double()
        asked = self.labels != IGNORED_LABEL
        return (self.segments * asked).sum(-1).double() / asked.sum(-1).clamp(min=1)

    def mean_confidence(self) -> Tensor:
        """(B,) float32."""
        if self.confidence.dim() == 1:
            return self.confidence
        asked = self.labels != IGNORED_LABEL
        return torch.where(asked, self.confidence, 0.0).sum(-1) / asked.sum(-1).clamp(min=1)

    def whole_belief(self) -> Tensor | None:
        """(B,) bool; None without a halting head."""
        return None if self.believed is None else whole_example(self.believed, self.labels)

    def select(self, rows: Tensor) -> "FirstStop":
        """These rows, (K,) int64 or (B,) bool."""
        return FirstStop._make(None if part is None else part[rows] for part in self)

    @staticmethod
    def joined(first: "FirstStop", second: "FirstStop") -> "FirstStop":
        """The rows of both, one after the other."""
        return FirstStop._make(None if a is None or b is None else torch.cat((a, b)) for a, b in zip(first, second, strict=True))
