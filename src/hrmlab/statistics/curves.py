"""Readings of logged curves between their points, so that two curves can be held against each other at one place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

WIDEST_GAP = 0.25
"""The widest gap between two logged points that is read across, as a share of the place that is read."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A curve's value at one place, or the reason why it has none there.

    Attributes:
        value: linearly interpolated between the neighbouring points; None where ``reason`` says why not.
        reason: a clause such as ``the curve ends at 400``; empty with a value.
    """

    value: float | None
    reason: str = ""


def _plain(place: float) -> str:
    return f"{place:,.6g}"


def read_at(
    x: Sequence[float] | np.ndarray,
    y: Sequence[float] | np.ndarray,
    place: float,
    *,
    widest: float = WIDEST_GAP,
    shown: Callable[[float], str] = _plain,
) -> Reading:
    """The curve's value at a place, linear between the two logged points around it.

    Nothing is extrapolated: before the first and after the last point there is no reading. Nor is there one across a wide gap, where a
    straight line would be a guess: the two points may be at most ``widest`` times ``place`` apart.

    Args:
        x: (K,) places, strictly increasing.
        y: (K,) values.
        place: where to read.
        widest: see above.
        shown: writes a place in the words of a reason.

    Raises:
        ValueError: lengths differ, a value is not finite, or x does not increase.
    """
    places, values = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if places.shape != values.shape or places.ndim != 1:
        raise ValueError(f"{places.shape} places do not go with {values.shape} values")
    if not (np.isfinite(places).all() and np.isfinite(values).all() and np.isfinite(place)):
        raise ValueError("a curve is read at finite places and has finite values")
    if np.any(np.diff(places) <= 0):
        raise ValueError("the places of a curve must increase")
    if not len(places):
        return Reading(value=None, reason="no value was logged")
    slack = 1e-9 * max(1.0, abs(place))
    if place < places[0] - slack:
        return Reading(value=None, reason=f"the first value was logged at {shown(float(places[0]))}")
    if place > places[-1] + slack:
        return Reading(value=None, reason=f"the curve ends at {shown(float(places[-1]))}")
    nearest = int(np.argmin(np.abs(places - place)))
    if abs(places[nearest] - place) <= slack:
        return Reading(value=float(values[nearest]))
    after = int(np.searchsorted(places, place))
    gap = float(places[after] - places[after - 1])
    if gap > widest * abs(place) + slack:
        ends = (shown(float(end)) for end in places[after - 1 : after + 1])
        return Reading(value=None, reason=f"logged too seldom: nothing between {' and '.join(ends)}")
    return Reading(value=float(np.interp(place, places, values)))


def common_end(ends: Sequence[float]) -> float | None:
    """The furthest place that all curves reach: the smallest of their ends; None without curves."""
    return min(ends, default=None)
