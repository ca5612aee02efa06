"""Estimates with their uncertainty."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import stats

from hrmlab.statistics.groups import Groups

Basis = Literal["seeds and examples", "seeds", "examples"]

_NO_WIDTH = 1e-9
"""Below this an interval's width is rounding, in the unit of the data."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean with its interval.

    Attributes:
        value: the estimate, in the unit of the data.
        low, high: the ends of the interval; None where the data cannot tell (one value has no spread).
        count: how many values it rests on: of an arm its seeds.
        deviation: sample standard deviation (n - 1), at least that of rounding; None for one value.
        error: standard error of the value; None where the data cannot tell.
        freedom: degrees of freedom behind the error (Satterthwaite's, where several sources of variance are added).
        basis: what the interval speaks about: new seeds on new examples, new seeds on these examples, or these networks on new examples.
        groups: the two groups into which the seeds fall; there is no interval then, for none would be honest.
        all_equal: whether what the interval would be drawn from came to the same throughout; there is no interval then either.
    """

    value: float
    low: float | None
    high: float | None
    count: int
    deviation: float | None = None
    error: float | None = None
    freedom: float | None = None
    basis: Basis = "seeds"
    groups: Groups | None = None
    all_equal: bool = False


def without_empty_interval(estimate: Estimate) -> Estimate:
    """The estimate, without an interval where that has no width: values that are all equal do not show how much they vary."""
    if estimate.low is None or estimate.high is None or estimate.high - estimate.low > _NO_WIDTH:
        return estimate
    return replace(estimate, low=None, high=None, error=None, all_equal=True)


def mean_interval(values: Sequence[float], *, resolution: float = 0.0, confidence: float = 0.95) -> Estimate | None:
    """Mean of independent values (one per seed) with Student's t interval.

    Needs at least one finite value for the mean and two for the interval; values that are not finite are an error.

    Args:
        values: one per seed.
        resolution: the smallest step of a value (1 / number of test examples); the spread is never taken to be below that of rounding to
            this step, ``resolution / sqrt(12)``, so that equal values do not look certain.

    Raises:
        ValueError: a value is NaN or infinite.
    """
    data = np.asarray(values, dtype=float)
    if data.size == 0:
        return None
    if not np.isfinite(data).all():
        raise ValueError("mean_interval was given a value that is not finite")
    mean = float(data.mean())
    if data.size == 1:
        return Estimate(value=mean, low=None, high=None, count=1)
    deviation = max(float(data.std(ddof=1)), resolution / math.sqrt(12))
    error, freedom = deviation / math.sqrt(data.size), float(data.size - 1)
    half = float(stats.t.ppf(0.5 + confidence / 2, freedom)) * error
    return Estimate(value=mean, low=mean - half, high=mean + half, count=int(data.size), deviation=deviation, error=error, freedom=freedom)


def wilson_interval(solved: int, total: int, *, confidence: float = 0.95) -> Estimate | None:
    """Share of solved examples with Wilson's score interval (Wilson 1927): the uncertainty from the number of examples alone.

    Needs one example; it knows nothing of other seeds.

    Raises:
        ValueError: solved is not within 0..total.
    """
    if not 0 <= solved <= total:
        raise ValueError(f"solved={solved} is not within 0..total={total}")
    if total == 0:
        return None
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    share = solved / total
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    low = 0.0 if solved == 0 else max(0.0, centre - half)
    high = 1.0 if solved == total else min(1.0, centre + half)
    return Estimate(value=share, low=low, high=high, count=total, error=math.sqrt(share * (1 - share) / total), basis="examples")
