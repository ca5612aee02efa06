"""One answered question."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class SolvedPuzzle:
    """One answer and how it came about.

    Attributes:
        inputs: (S,) int64 the question.
        answers: (K, S) int64 the answer after each segment.
        halting_segment: the segment, from 1, at which learned halting stops; a mean over tokens in causal mode.
        tokens: (S,) int64 the answer after the last segment.
        text: the same in the notation of the task's files.
        right: whether the task's own rules say that it is right; None where they do not say.
    """

    inputs: np.ndarray
    answers: np.ndarray
    halting_segment: float
    tokens: np.ndarray
    text: str
    right: bool | None

    def __str__(self) -> str:
        """The answer in the notation of the task's files."""
        return self.text
