"""How often two groups of seeds are seen where there are two, and where there is one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.calibration.population import Population, seed_accuracies, widest_spread
from hrmlab.statistics import calibrated, samples
from hrmlab.statistics.groups import two_groups

TAKE_OFF = ((0.02, 0.9), (0.05, 0.6), (0.3, 0.9))
"""What seeds reach that did not take off, and those that did; half of the seeds each."""


@dataclass(frozen=True, kw_only=True)
class GroupRates:
    """Shares for one number of seeds.

    Attributes:
        hits: of studies with seeds of both kinds, in how many two groups are seen.
        one_sided: of all studies of two kinds, in how many all seeds drawn are of one kind, which nothing can show.
        covers: of all studies of two kinds, how many intervals would cover the mean, were they given.
        false_alarms: where seeds gather round one accuracy (spread 1 to 15 points), in how many two groups are seen; at most so many.
    """

    seeds: int
    hits: float
    one_sided: float
    covers: float
    false_alarms: float


def group_rates(seeds: int, *, repetitions: int, random: np.random.Generator) -> GroupRates:
    """Simulate studies with and without two kinds of seeds."""
    seen, mixed, sided, covered, total = 0, 0, 0, 0, 0
    for low, high in TAKE_OFF:
        kinds = [Population(accuracy=mean, spread=0.02 if mean < 0.04 else 0.04, difficulty=1.0, shape="probit") for mean in (low, high)]
        for _ in range(repetitions):
            took_off = random.random(seeds) < 0.5
            levels = np.where(took_off, seed_accuracies(kinds[1], seeds, random), seed_accuracies(kinds[0], seeds, random))
            total += 1
            if took_off.all() or not took_off.any():
                sided += 1
            else:
                mixed += 1
                seen += two_groups(levels) is not None
            covered += _covers(levels, (low + high) / 2, random)
    return GroupRates(
        seeds=seeds,
        hits=seen / max(1, mixed),
        one_sided=sided / total,
        covers=covered / total,
        false_alarms=max(_false_alarms(seeds, accuracy, repetitions, random) for accuracy in (0.05, 0.2, 0.5)),
    )


def _covers(levels: Sequence[float] | np.ndarray, truth: float, random: np.random.Generator) -> bool:
    """Student's interval over seeds, as it would be printed without the rule."""
    sample = samples.from_levels(list(levels), kind="number")
    assert sample is not None
    found = calibrated.level(sample, random=random, draws=500)
    return found.low is not None and found.high is not None and found.low <= truth <= found.high


def _false_alarms(seeds: int, accuracy: float, repetitions: int, random: np.random.Generator) -> float:
    spread = min(0.15, widest_spread(accuracy))
    population = Population(accuracy=accuracy, spread=spread, difficulty=1.0, shape="probit")
    return sum(two_groups(seed_accuracies(population, seeds, random)) is not None for _ in range(repetitions)) / repetitions
