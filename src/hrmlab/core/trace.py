"""What can be seen of one question being answered: plain arrays, made by :mod:`hrmlab.evaluation.tracing` and drawn by reports.

S tokens, P prefix positions before them, D channels.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True, eq=False)
class Movement:
    """Size of a state and how far it moved.

    Attributes:
        norm: root mean square over all positions and channels.
        change: norm of the difference to the state before, divided by the norm of that; None where there was none.
    """

    norm: float
    change: float | None


@dataclass(frozen=True, kw_only=True, eq=False)
class CycleTrace:
    """One application of one of the reasoner's stacks.

    Attributes:
        stack: the module's name, such as ``h_level``.
        name: of the carried state that it updates, such as ``z_H``: one network may update several. The stack's name where it updates none
            of them directly.
        state: (P + S, D) float32 what it put out.
        movement: against the state before it, or where it updates none directly, against what the same stack put out before.
        tokens: (S,) int64 what the heads would say of that state; None where they cannot read it.
        attention: of each attention in the stack, first block first, (H, P + S, K) float32, H = 1 for the mean over heads; empty where it
            was not kept.
    """

    stack: str
    name: str
    state: np.ndarray
    movement: Movement
    tokens: np.ndarray | None
    attention: tuple[np.ndarray, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class SegmentTrace:
    """One segment.

    Attributes:
        number: from 1.
        tokens: (S,) int64 the answer after it.
        probabilities: (S,) float32 the probability that the model gives to each token of its answer.
        q_halt, q_continue: float32 logits of the halting scores, () for the question or, in causal mode, (S,); None where there is none.
        carry: of each state that goes on to the next segment.
        cycles: applications of stacks, in order; empty for a reasoner that names none.
    """

    number: int
    tokens: np.ndarray
    probabilities: np.ndarray
    q_halt: np.ndarray | None
    q_continue: np.ndarray | None
    carry: Mapping[str, Movement]
    cycles: tuple[CycleTrace, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """A question being answered.

    Attributes:
        inputs: (S,) int64 the question.
        prefix_length: P.
        segments: in order; of a one-pass model a single one.
        cap: segments of the training.
        halting_segment: the segment, from 1, at which learned halting stops; a mean over tokens in causal mode.
    """

    inputs: np.ndarray
    prefix_length: int
    segments: tuple[SegmentTrace, ...]
    cap: int
    halting_segment: float

    @property
    def answers(self) -> np.ndarray:
        """(K, S) int64 the answer after each segment."""
        return np.stack([segment.tokens for segment in self.segments])
