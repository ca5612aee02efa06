"""What changes while a run trains: how many segments an example may have, and how often longer thinking is demanded."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class HaltingProgression:
    """Pure functions of the step, so a resumed run needs nothing but its step.

    Attributes:
        steps: of the whole run.
        curriculum: share of them over which the segments grow from 1 to all; 0: all from the start.
        annealing: share of them over which exploration falls to 0; 0: it stays.
    """

    steps: int
    curriculum: float = 0.0
    annealing: float = 0.0

    def max_segments(self, step: int, full: int) -> int:
        """Segments that an example may have at a step: each number from 1 below ``full`` for an equal part of the curriculum."""
        return full if not self.curriculum else min(full, 1 + int((full - 1) * self._progress(step, self.curriculum)))

    def exploration(self, step: int, full: float) -> float:
        """The probability of demanding a minimum of segments at a step."""
        return full if not self.annealing else full * max(0.0, 1 - self._progress(step, self.annealing))

    def _progress(self, step: int, share: float) -> float:
        return step / (share * self.steps)
