"""The tensors that travel between data, reasoners and scorers.

Shape letters used throughout: B examples (slots) in a batch, S positions, V vocabulary, D hidden size.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from torch import Tensor

Carry = dict[str, Tensor]
"""A reasoner's state between segments: named tensors whose first dimension is B. Empty for a one-pass model. What is no floating-point
number counts something, such as segments, and keeps its type in every precision."""


class Batch(NamedTuple):
    """Examples as token ids.

    Attributes:
        inputs: (B, S) integer token ids.
        labels: (B, S) integer token ids, ``IGNORED_LABEL`` where nothing is asked.
        puzzle_ids: (B,) integer ids into the puzzle embedding; all zero for tasks without identifiers.
    """

    inputs: Tensor
    labels: Tensor
    puzzle_ids: Tensor


class Prediction(NamedTuple):
    """What one segment says.

    Attributes:
        logits: (B, S, V) token scores.
        q_halt_logits: score of "stop now, the answer is right", (B,) for the example or, in causal mode, (B, S) for each token; None for a
            reasoner that never decides.
        q_continue_logits: score of "another segment will do better", of the same shape; None where nothing bootstraps it: then a reasoner
            wants to stop where q_halt is above 0.
        losses: further named losses of the reasoner's own, (B,) each, already weighted by its options; added to the training loss and
            logged as ``train/loss/<name>``. They are asked for only while training.
        halting_threshold: the probability of being right (the sigmoid of q_halt) above which alone a reasoner wants to stop; None for 0.5
            where q_continue is None, and for none where q_halt is compared with it.
        states: the states behind the answer by their names in the carry, (B, ...) with gradient, the one that is read out first; for
            further losses, and asked for only while training.
    """

    logits: Tensor
    q_halt_logits: Tensor | None = None
    q_continue_logits: Tensor | None = None
    losses: Mapping[str, Tensor] = MappingProxyType({})
    halting_threshold: float | None = None
    states: Mapping[str, Tensor] = MappingProxyType({})
