"""The segments of a call, one after the other, and what they say together."""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import NamedTuple

import torch
from torch import Tensor

from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.task import IGNORED_LABEL
from hrmlab.hugging_face.inside import Inside
from hrmlab.layers.decoding import DecodingState
from hrmlab.models.halting import wants_to_halt
from hrmlab.models.reasoner import Reasoner


class Thought(NamedTuple):
    """A segment: its number from 1, the carry after it, and what it says."""

    number: int
    carry: Carry
    prediction: Prediction


def thoughts(
    reasoner: Reasoner, batch: Batch, segments: int, *, positions: int, state: DecodingState | None = None, inside: Inside | None = None
) -> Iterator[Thought]:
    """So many segments over a batch whose rows have so many positions, the prefix counted; ``inside`` keeps what is to be seen of them."""
    carry = reasoner.initial_carry(len(batch.inputs), positions)
    for number in range(1, segments + 1):
        with nullcontext() if inside is None else inside.looking(reasoner):
            carry, prediction = reasoner(carry, batch, state)
        yield Thought(number, carry, prediction)


def batch_of(tokens: Tensor, labels: Tensor | None = None) -> Batch:
    """(B, S) tokens as a batch, of the only puzzle there is."""
    labels = torch.full_like(tokens, IGNORED_LABEL) if labels is None else labels
    return Batch(inputs=tokens, labels=labels, puzzle_ids=torch.zeros_like(tokens[:, 0]))


class Said:
    """What all segments say of each token: the last one's word, or with ``halting`` that of the one at which the token wants to stop."""

    def __init__(self, *, halting: bool) -> None:
        self.halting = halting
        self.logits: Tensor | None = None
        self._stopped: Tensor | None = None

    def add(self, prediction: Prediction) -> None:
        """Take in the next segment."""
        if self.logits is None or self._stopped is None:
            self.logits = prediction.logits
        else:
            self.logits = torch.where(self._stopped[..., None], self.logits, prediction.logits)
        wants = wants_to_halt(prediction) if self.halting else None
        if wants is not None:
            self._stopped = wants if self._stopped is None else self._stopped | wants
