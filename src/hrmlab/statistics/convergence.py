"""Has a run finished learning? What its validation curve gained over its last quarter, held against the curve's own noise.

Questions are asked of the gain, each at a one-sided level of 5 %: is it above zero, is it less than the relevant gain, is the loss less?
Only a curve that is *shown* to gain and to lose less is called converged, and one that is shown to gain less, but may be falling, no
longer rising; one that is too noisy, or was measured too seldom, to show either is not given the benefit of the doubt.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

State = Literal["converged", "still rising", "no longer rising", "not begun", "by heart", "cannot tell"]
"""``no longer rising``: what gains nothing more and may be losing, as a run that learns its examples by heart does. ``not begun``: flat
because nothing is solved yet; a curve at zero may still take off. ``by heart``: flat at zero although training examples are solved, and no
more of them will be. ``cannot tell``: too short or too noisy."""
ENDED: frozenset[State] = frozenset({"converged", "no longer rising", "by heart"})
"""The states of a run that has finished learning."""

RELEVANT_GAIN = 0.02
"""A gain over a quarter of the training that matters: two points of a share."""
FEWEST_LATE = 4
"""Validations within the last quarter (both ends included) below which a slope says nothing."""
NEXT_TO_NOTHING = 0.01
"""A share that never gets above this (or above one example) in the last quarter belongs to a run that has not begun."""
MOST = 0.5
"""The share of training examples from which on the others are not waited for."""
_LEVEL = 0.05


@dataclass(frozen=True, kw_only=True)
class Convergence:
    """What a curve's end says, in the curve's unit and so that a gain is an improvement (of an error: its fall).

    Attributes:
        state: the decision.
        gain: improvement over the last quarter of the steps, from a robust slope; None where it cannot be had.
        margin: half the width of the gain's 90 % interval, at whose ends both questions are decided.
        last_doubling: improvement from half of the steps to the end (of the medians around both); None where the curve is too short.
            Under a schedule that lowers the learning rate it is more than another doubling would bring, because the middle of a schedule
            is worse than the end of one half as long: small, it speaks for an end; large, it does not prove that more would come.
        reason: why nothing can be told, a clause; empty otherwise.
    """

    state: State
    gain: float | None = None
    margin: float | None = None
    last_doubling: float | None = None
    reason: str = ""


def convergence(
    steps: Sequence[float] | np.ndarray,
    values: Sequence[float] | np.ndarray,
    *,
    examples: int | None = None,
    training: tuple[Sequence[float] | np.ndarray, Sequence[float] | np.ndarray] | None = None,
    relevant: float = RELEVANT_GAIN,
    larger_is_better: bool = True,
    is_share: bool = True,
) -> Convergence:
    """The state of a run by its validation curve.

    The gain is the Theil-Sen slope (median of the slopes between all pairs of points) over the last quarter, times a quarter. Its variance
    has two parts. The scatter of single validations is estimated over the last half from each point's distance to the line through its
    two neighbours (Gasser, Sroka & Jennen-Steinmetz 1986), which a smooth rise does not inflate. The choice of validation examples adds
    at least ``|gain| (1 - |gain|) / examples`` of a share: a gain of g needs that many examples to change. All validations share their
    examples, so the binomial variance of each level does not enter a gain; it would be several times too large.

    Args:
        steps: (K,) steps of the validations, strictly increasing.
        values: (K,) what was measured.
        examples: size of the validation set, if known. Of graded outcomes (values that are no multiples of one example's share) it says
            neither what a value is rounded to nor how far a gain depends on the choice, and nothing is added for either.
        training: steps and values of the same share over training examples, if it was logged; it tells a run that has learned by heart from
            one that has not begun, and is not looked at of others.
        relevant: the gain over a quarter that matters, in the unit of the values.
        is_share: the values lie within 0 to 1; only then can a curve be at zero, and do examples tell its noise.

    Raises:
        ValueError: lengths differ, a value is not finite, steps do not increase, or ``relevant`` is not above zero.
    """
    places, measured = np.asarray(steps, dtype=float), np.asarray(values, dtype=float)
    if places.shape != measured.shape or places.ndim != 1:
        raise ValueError(f"{places.shape} steps do not go with {measured.shape} values")
    if not (np.isfinite(places).all() and np.isfinite(measured).all()) or np.any(np.diff(places) <= 0):
        raise ValueError("convergence needs finite values at increasing steps")
    if relevant <= 0:
        raise ValueError(f"relevant={relevant} is not above zero")
    good = measured if larger_is_better else -measured
    if not len(places):
        return Convergence(state="cannot tell", reason="no validation was logged")
    doubling = _last_doubling(places, good)
    late = _last_quarter(places)
    if late.sum() < FEWEST_LATE:
        counted = f"{late.sum()} validation{'' if late.sum() == 1 else 's'}"
        reason = f"too short to tell: {counted} in the last quarter, {FEWEST_LATE} are needed"
        return Convergence(state="cannot tell", last_doubling=doubling, reason=reason)
    x, y = places[late], good[late]
    gain = _slope(x, y) * 0.25 * places[-1]
    step = 1 / examples if examples and is_share and _counts_whole_examples(measured, examples) else 0.0
    if is_share and larger_is_better and y.max() <= max(NEXT_TO_NOTHING, 1.5 * step):
        if training is not None and _ended_in_training(*training):
            return Convergence(state="by heart", gain=gain, last_doubling=doubling, reason="nothing but training examples is solved")
        return Convergence(state="not begun", gain=gain, last_doubling=doubling, reason="next to nothing is solved")
    noise, freedom = _scatter(places[places >= 0.5 * places[-1]], good[places >= 0.5 * places[-1]])
    noise = max(noise, step / math.sqrt(12))  # rounding to whole examples hides at least so much
    error = noise * 0.25 * places[-1] / math.sqrt(float(((x - x.mean()) ** 2).sum()))
    if step:
        error = math.hypot(error, math.sqrt(min(abs(gain), 1.0) * (1 - min(abs(gain), 1.0)) * step))
    margin = float(special.stdtrit(freedom, 1 - _LEVEL)) * error
    state = decide(gain, margin, relevant=relevant)
    reason = "" if state != "cannot tell" else "the curve is too noisy for a gain of this size"
    return Convergence(state=state, gain=gain, margin=margin, last_doubling=doubling, reason=reason)


def _last_quarter(places: np.ndarray) -> np.ndarray:
    """(K,) bool: the validations of the last quarter, both ends included; there must be one validation."""
    return places >= 0.75 * places[-1] * (1 - 1e-12)


def _ended_in_training(steps: Sequence[float] | np.ndarray, values: Sequence[float] | np.ndarray) -> bool:
    """Whether a run that solves next to nothing of its validation set has nothing left to learn, by the share of training examples solved.

    So it is where most are solved in the mean of the last quarter, and where their curve has left zero and has ended itself.
    """
    places, measured = np.asarray(steps, dtype=float), np.asarray(values, dtype=float)
    if convergence(places, measured).state in ENDED:
        return True
    return bool(len(places)) and float(measured[_last_quarter(places)].mean()) >= MOST


def _counts_whole_examples(values: np.ndarray, examples: int) -> bool:
    """Whether every value is a number of right examples over all examples, to what single precision leaves of it."""
    counts = values * examples
    return bool((np.abs(counts - np.round(counts)) < 0.01).all())


def decide(gain: float, margin: float, *, relevant: float = RELEVANT_GAIN) -> State:
    """What a gain of so much, known to so much, says: the questions of this module's heading."""
    if max(abs(gain - margin), abs(gain + margin)) <= relevant:
        return "converged"
    if gain - margin > 0:
        return "still rising"
    if gain + margin <= relevant:
        return "no longer rising"
    return "cannot tell"


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    """Theil-Sen: the median of the slopes between all pairs of points."""
    first, second = np.triu_indices(len(x), 1)
    return float(np.median((y[second] - y[first]) / (x[second] - x[first])))


def _scatter(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """(standard deviation of single values, its degrees of freedom) from each inner point's distance to the line through its neighbours.

    Neighbouring distances share points and are correlated; for even spacing the estimate is worth 18/35 as many independent ones.
    """
    weight = (x[1:-1] - x[:-2]) / (x[2:] - x[:-2])
    off = y[1:-1] - (1 - weight) * y[:-2] - weight * y[2:]
    variance = off**2 / (1 + weight**2 + (1 - weight) ** 2)
    return math.sqrt(float(variance.mean())), max(1.0, 18 / 35 * len(off))


def _last_doubling(x: np.ndarray, y: np.ndarray) -> float | None:
    """The median of the last three values less that of the three around half of the steps; None where fewer stand before or after."""
    middle = int(np.argmin(np.abs(x - 0.5 * x[-1])))
    if middle < 1 or middle + 4 >= len(x):
        return None
    return float(np.median(y[-3:]) - np.median(y[middle - 1 : middle + 2]))
