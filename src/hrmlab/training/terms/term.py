"""What a further loss of a segment is: a class of one's own takes part by inheriting from :class:`LossTerm`."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from hrmlab.core.batches import Batch, Prediction
from hrmlab.core.task import IGNORED_LABEL
from hrmlab.layers.likelihood import LossKind
from hrmlab.models.reasoner import Reasoner


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One training segment of B slots, as a term gets to see it.

    Attributes:
        batch: what was asked.
        prediction: what was said, with gradient; its ``states`` too.
        number: (B,) int64 of each slot's segment, counted from 1.
        max_segments: how many a slot may have now.
        likelihood: how logits become probabilities (:func:`hrmlab.layers.likelihood.log_probabilities`).
        read_previous: see :meth:`previous`.
    """

    batch: Batch
    prediction: Prediction
    number: Tensor
    max_segments: int
    likelihood: LossKind
    read_previous: Callable[[], Prediction | None]

    def previous(self) -> Prediction | None:
        """What the heads, as they are now, say of the states that this segment began with: without gradient, and meaningless where
        ``number`` is 1. None of an arm that cannot read its carry."""
        with torch.no_grad():
            return self.read_previous()

    def mean_of_asked(self, values: Tensor) -> Tensor:
        """(B,) the mean over asked tokens of values (B, S); values (B,) as they are."""
        if values.dim() == 1:
            return values
        asked = self.batch.labels != IGNORED_LABEL
        return (values * asked).sum(dim=-1) / asked.sum(dim=-1).clamp(min=1)


class LossTerm(ABC):
    """A loss beside the answer's. Its constructor's keyword arguments are its options; the weight is not one of them."""

    @abstractmethod
    def __call__(self, segment: Segment) -> Tensor:
        """(B,) what is to become small, before the weight."""

    def check(self, reasoner: Reasoner) -> None:  # noqa: B027 - most terms suit any arm
        """Refuse an arm for which the term is meaningless.

        Raises:
            UserError: what the arm lacks, and the remedy.
        """
