"""A cost as a sum of powers of what it grows with, fitted to measurements."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

_ROUNDING = 1e-9
"""A term that is nowhere a greater part of the cost is rounding of the solver."""


@dataclass(frozen=True, slots=True)
class Growth:
    """``cost(x) = sum(coefficient * x ** power)``, all coefficients at least 0.

    Attributes:
        values, costs: what it was fitted to.
        terms: coefficient by power; powers without a part in the cost are left out.
        error: the largest relative difference between fit and measurement.
    """

    values: tuple[float, ...]
    costs: tuple[float, ...]
    terms: dict[float, float]
    error: float

    def at(self, value: float) -> float:
        """The cost there by the fit, also beyond what was measured."""
        return sum(coefficient * value**power for power, coefficient in self.terms.items())

    @property
    def exponents(self) -> tuple[float, float]:
        """Local exponent (slope of log cost over log value) between the two lowest and the two highest values that were measured."""
        slopes = [
            float(np.log(after[1] / before[1]) / np.log(after[0] / before[0]))
            for before, after in pairwise(zip(self.values, self.costs, strict=True))
        ]
        return slopes[0], slopes[-1]

    @property
    def bends(self) -> tuple[float, ...]:
        """Where the greatest term changes, in ascending order; also outside of what was measured."""
        powers = sorted(self.terms)
        found, low = [], powers[0]
        while True:  # the next higher term that overtakes the present one first
            crossings = [((self.terms[low] / self.terms[high]) ** (1 / (high - low)), high) for high in powers if high > low]
            if not crossings:
                return tuple(found)
            place, low = min(crossings)
            found.append(float(place))

    def summary(self) -> dict[str, Any]:
        """As JSON has it, to three digits."""
        return {
            "terms": {f"{power:g}": float(f"{coefficient:.3g}") for power, coefficient in self.terms.items()},
            "error": round(self.error, 3),
            "exponents": [round(exponent, 2) for exponent in self.exponents],
            "bends": [float(f"{bend:.3g}") for bend in self.bends],
        }


def fit(values: Sequence[float], costs: Sequence[float], powers: Sequence[float]) -> Growth:
    """The sum of powers whose relative differences from the measurements have the least squares.

    Args:
        values: positive, ascending, at least as many as powers.
        costs: positive, of each.
        powers: candidates; a term that the measurements do not ask for gets no part.
    """
    x, y = np.asarray(values, dtype=np.float64), np.asarray(costs, dtype=np.float64)
    scales = np.array([x[-1] ** power for power in powers])
    columns: NDArray[np.float64] = np.stack([x**power for power in powers], axis=1) / scales
    coefficients, _ = nnls(columns / y[:, None], np.ones_like(y))
    fitted = columns @ coefficients
    seen = (columns * coefficients / y[:, None]).max(axis=0) > _ROUNDING
    terms = {float(power): float(c / s) for power, c, s, part in zip(powers, coefficients, scales, seen, strict=True) if part}
    return Growth(tuple(x.tolist()), tuple(y.tolist()), terms, float(np.abs(fitted / y - 1).max()))
