"""Cheap single draws from a named stream: NumPy's are made for arrays and cost microseconds each."""

from bisect import bisect
from collections.abc import Sequence
from typing import TypeVar

from hrmlab.core.randomness import stream

T = TypeVar("T")
_BLOCK = 256


class Draws:
    """Consecutive draws of the stream with this address (see :func:`hrmlab.core.randomness.stream`)."""

    def __init__(self, seed: int, *labels: str | int) -> None:
        self._generator = stream(seed, *labels)
        self._values: list[float] = []

    def uniform(self) -> float:
        """A number in [0, 1)."""
        if not self._values:
            self._values = self._generator.random(_BLOCK).tolist()
        return self._values.pop()

    def integer(self, high: int) -> int:
        """An integer in 0..high-1."""
        return int(self.uniform() * high)

    def choice(self, values: Sequence[T]) -> T:
        """One of the values."""
        return values[int(self.uniform() * len(values))]

    def weighted(self, cumulative: Sequence[float]) -> int:
        """A place in a list of cumulative weights, drawn in proportion to the weights."""
        return min(bisect(cumulative, self.uniform() * cumulative[-1]), len(cumulative) - 1)
