"""What the figures of a trace are drawn from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from hrmlab.core.trace import Trace


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """A trace, and how its task writes things.

    Attributes:
        trace: of one question.
        title: which question of which model.
        token: what a position is called, such as ``cell``.
        question: the question as text.
        answers: the answer after each segment as text.
        labels: (S,) the right answer; None where it is not known. What is not asked holds a negative number.
        palette: symbol -> colour of cells that are colours to people; empty otherwise.
        grid: rows and columns, where every text has one symbol for each cell; None otherwise.
    """

    trace: Trace
    title: str
    token: str
    question: str
    answers: tuple[str, ...]
    labels: np.ndarray | None
    grid: tuple[int, int] | None
    palette: Mapping[str, str] = field(default_factory=dict)

    @property
    def halting_segment(self) -> int | None:
        """The segment at which learned halting stops; None where the model never decides, or decides token by token."""
        first = self.trace.segments[0]
        if first.q_halt is None or first.q_halt.ndim > 0:
            return None
        return round(self.trace.halting_segment)

    @property
    def halting_words(self) -> str:
        """What happens at the halting segment: the model wants to stop, or training's last segment ends it."""
        at = self.trace.segments[(self.halting_segment or 1) - 1]
        other = 0.0 if at.q_continue is None else at.q_continue
        wants = at.q_halt is not None and bool((at.q_halt > other).all())
        return "learned halting stops here" if wants else "stopped here by the last segment"

    def wrong(self, tokens: np.ndarray) -> np.ndarray:
        """(S,) bool, which tokens are asked and not what the right answer has; none where that is not known."""
        if self.labels is None:
            return np.zeros(tokens.shape, bool)
        return (self.labels >= 0) & (tokens != self.labels)
