"""Do the seeds of an arm fall into two groups, some that took off and some that did not? Then no interval around their mean is honest."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_GAP, _RATIO = 0.4, 2.0


@dataclass(frozen=True, kw_only=True)
class Groups:
    """Two groups of seeds: how many are in each, and what each reached on average."""

    lower: int
    upper: int
    lower_level: float
    upper_level: float


def two_groups(levels: Sequence[float] | np.ndarray) -> Groups | None:
    """The two groups into which shares fall, where they do; None where they do not, or with fewer than three seeds.

    The rule: the largest gap between neighbouring seeds is at least 40 points, and at least twice the range of either group. How often it
    sees two groups, and how often it sees two where there is one, is measured by ``make calibrate`` (docs/calibration.md).
    """
    ordered = np.sort(np.asarray(levels, dtype=float))
    if len(ordered) < 3:
        return None
    steps = np.diff(ordered)
    place = int(steps.argmax()) + 1
    lower, upper = ordered[:place], ordered[place:]
    if steps[place - 1] < max(_GAP, _RATIO * max(np.ptp(lower), np.ptp(upper))):
        return None
    return Groups(lower=len(lower), upper=len(upper), lower_level=float(lower.mean()), upper_level=float(upper.mean()))
