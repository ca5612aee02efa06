"""The interval and the test of this project: for an arm's level and for the difference of two arms, over new seeds and new examples.

Both are generalised (fiducial) intervals (Weerahandi 1993; for the mean of a skewed population Krishnamoorthy and Mathew 2003). Every draw
asks what the truth would be if the chance in the data had been this: the seeds' variance is the observed one over a chi-square with K - 1
degrees of freedom, their mean is off by a normal deviate with that variance, and the choice of examples by another. Shares are drawn on the
probit scale, on which the mean over seeds has a closed form, ``Phi(m / sqrt(1 + s^2))``: there a few seeds near 0 say how far a further one
may rise, ends stay within 0..1, and arms with unequal spreads need no further correction. Other numbers are drawn as they are.
``make calibrate`` measures what it covers (docs/calibration.md).
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import special, stats

from hrmlab.statistics.groups import two_groups
from hrmlab.statistics.intervals import Basis, Estimate
from hrmlab.statistics.samples import BOUNDS, Kind, Sample, column_covariance

DRAWS = 20_000
_SMOOTHING = 0.5
_POWER = 0.8


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What two samples say of the difference of their arms.

    Attributes:
        estimate: first minus second, with its interval; without ends where there are not two seeds of each.
        p_value: two-sided, of no difference; None with one seed.
        equivalence: p value of a difference of at least the margin, by two one-sided tests (Schuirmann 1987); None without a margin.
    """

    estimate: Estimate
    p_value: float | None
    equivalence: float | None


def level(sample: Sample, *, random: np.random.Generator, confidence: float = 0.95, draws: int = DRAWS) -> Estimate:
    """An arm's level; of one seed the interval over examples alone, where these are known.

    For shares it is never narrower than Wilson's interval (1927) on all answers of all seeds together. Of two seeds, numbers without bounds
    have no interval: Student's t with one degree of freedom says nothing that could be read.
    """
    tail = (1 - confidence) / 2
    error, freedom = standard_error(sample)
    found = Estimate(value=sample.value, low=None, high=None, count=sample.seeds, error=error, freedom=freedom, basis=_basis(sample))
    if sample.seeds == 1:
        return _of_one_seed(found, sample, tail)
    found = replace(found, deviation=float(sample.levels.std(ddof=1)))
    if sample.kind == "number" and sample.seeds == 2:
        return found
    if sample.kind == "share" and (groups := two_groups(sample.levels)):
        return replace(found, groups=groups)
    low, high = np.quantile(
        _draws(sample, random, _chance_of_variance(sample.seeds - 1, draws, random), random.standard_normal(draws)), [tail, 1 - tail]
    )
    if sample.kind == "share" and sample.answers:
        pooled = _pooled(sample, sample.answers, float(stats.norm.ppf(1 - tail)))
        low, high = min(low, pooled[0]), max(high, pooled[1])
    return replace(found, low=float(min(low, sample.value)), high=float(max(high, sample.value)))


def difference(
    arm: Sample, opponent: Sample, *, random: np.random.Generator, margin: float | None = None, confidence: float = 0.95, draws: int = DRAWS
) -> Difference:
    """Level of ``arm`` minus that of ``opponent``, whose seeds have nothing to do with each other.

    Examples that both were tested on are paired: what makes one of them hard for both arms does not count against the difference. Of shares
    the interval is never narrower than Newcombe's (1998) for paired shares on all answers of all seeds together.

    Args:
        margin: also test that the difference is smaller than this.
    """
    shared = random.standard_normal(draws)
    correlation = _example_correlation(arm, opponent)
    other = correlation * shared + math.sqrt(1 - correlation**2) * random.standard_normal(draws)
    errors = [standard_error(sample) for sample in (arm, opponent)]
    covariance = correlation * math.sqrt(arm.example_variance * opponent.example_variance)
    basis: Basis = "seeds and examples" if arm.is_whole and opponent.is_whole else "seeds"
    kind: Kind = "difference of shares" if arm.kind == "share" else "number"
    found = Estimate(value=arm.value - opponent.value, low=None, high=None, count=min(arm.seeds, opponent.seeds), basis=basis)
    if found.count < 2:
        return Difference(estimate=found, p_value=None, equivalence=None)
    (first, first_freedom), (second, second_freedom) = errors
    variance = max(first**2 + second**2 - 2 * covariance, 0.0)
    freedom = (first**2 + second**2) ** 2 / max(first**4 / first_freedom + second**4 / second_freedom, 1e-300)
    found = replace(found, error=math.sqrt(variance), freedom=freedom)
    variance_chance = _chance_of_variance(_seed_freedom(arm, opponent), draws, random)
    drawn = _draws(arm, random, variance_chance, shared) - _draws(opponent, random, variance_chance, other)
    pooled = (arm, opponent) if arm.kind == "share" and arm.answers and opponent.answers else None
    return _judge(found, drawn, kind, margin=margin, confidence=confidence, pooled=pooled)


def paired_difference(
    sample: Sample, *, random: np.random.Generator, margin: float | None = None, confidence: float = 0.95, draws: int = DRAWS
) -> Difference:
    """The mean of differences that were taken seed by seed and example by example: for arms whose seeds belong together."""
    error, freedom = standard_error(sample)
    found = Estimate(value=sample.value, low=None, high=None, count=sample.seeds, error=error, freedom=freedom, basis=_basis(sample))
    if sample.seeds < 2:
        return Difference(estimate=replace(found, error=None, freedom=None), p_value=None, equivalence=None)
    found = replace(found, deviation=float(sample.levels.std(ddof=1)))
    drawn = _draws(sample, random, _chance_of_variance(sample.seeds - 1, draws, random), random.standard_normal(draws))
    return _judge(found, drawn, sample.kind, margin=margin, confidence=confidence, pooled=None)


def detectable(found: Estimate, *, comparisons: int = 1, confidence: float = 0.95) -> float | None:
    """The smallest true difference that a study with this interval finds with a probability of 80 %; None where there is no interval.

    Args:
        found: a difference.
        comparisons: how many are tested together. The level is divided by their number (Bonferroni), which is what the first finding of
            Holm's correction must pass.
        confidence: of the interval, and of a single test.
    """
    if found.low is None or found.high is None:
        return None
    tail, freedom = (1 - confidence) / 2, found.freedom or 1.0
    needed = stats.t.ppf(1 - tail / comparisons, freedom) + stats.t.ppf(_POWER, freedom)
    return (found.high - found.low) / 2 * float(needed / stats.t.ppf(1 - tail, freedom))


def standard_error(sample: Sample) -> tuple[float, float]:
    """Standard error of a sample's mean over new seeds and, where they are known, new examples; Satterthwaite's (1946) degrees of freedom.

    With one seed the spread between seeds is not in it.
    """
    noise = float(sample.noise.mean()) / sample.seeds
    if sample.seeds == 1:
        return math.sqrt(sample.example_variance + noise), math.inf
    rounding = sample.resolution**2 / 12
    between = max(float(sample.levels.var(ddof=1)), rounding) / sample.seeds
    variance = max(between, noise) + sample.example_variance
    freedom = variance**2 / max(between**2 / (sample.seeds - 1) + sample.example_variance**2 / max(1, (sample.examples or 2) - 1), 1e-300)
    return math.sqrt(variance), freedom


def _seed_freedom(arm: Sample, opponent: Sample) -> float:
    """Degrees of freedom of both arms' spreads between seeds together, for one chi-square that is drawn for both.

    Half way between Welch's (1947) estimate, K1 + K2 - 2 where both spread alike, and the fewest that it can be: at three seeds Welch's
    finds differences in 7 % where there are none and spreads are unequal and skewed, the fewest cover 98 %.
    """
    parts = [max(float(sample.levels.var(ddof=1)), sample.resolution**2 / 12) / sample.seeds for sample in (arm, opponent)]
    squares = parts[0] ** 2 / (arm.seeds - 1) + parts[1] ** 2 / (opponent.seeds - 1)
    fewest = float(min(arm.seeds, opponent.seeds) - 1)
    return (fewest + sum(parts) ** 2 / squares) / 2 if squares > 0 else fewest


def _chance_of_variance(freedom: float, draws: int, random: np.random.Generator) -> np.ndarray:
    """(D,) true variance over observed variance."""
    return freedom / random.chisquare(freedom, draws)


def _draws(sample: Sample, random: np.random.Generator, variance_chance: np.ndarray, example_deviates: np.ndarray) -> np.ndarray:
    """(D,) draws of the level that new seeds and new examples would have on average.

    Args:
        variance_chance: (D,) the true variance between seeds over the observed one.
        example_deviates: (D,) standard normal, the luck with examples; arms that share examples share it.
    """
    count, seeds = len(example_deviates), sample.seeds
    share = sample.kind == "share"
    if share:
        per_seed = 1 / sample.resolution if sample.resolution else 1e6
        smooth = (per_seed * sample.levels + _SMOOTHING) / (per_seed + 2 * _SMOOTHING)
        values = special.ndtri(smooth)
        spread = smooth * (1 - smooth)
        noise = sample.noise * spread / spread.mean() if spread.mean() > 0 else sample.noise  # more of it for levels near a half
        noise_variance = float((noise / _density(values) ** 2).mean())
        middle = (per_seed * sample.value + 2) / (per_seed + 4)
        slope = float(_density(special.ndtri(middle)))
    else:
        values, noise_variance, slope = sample.levels, float(sample.noise.mean()), 1.0
    observed = max(float(values.var(ddof=1)), (sample.resolution / slope) ** 2 / 12)
    total = observed * variance_chance
    centre = values.mean() + random.standard_normal(count) * np.sqrt(total / seeds)
    examples = example_deviates * (math.sqrt(sample.example_variance) / slope)
    if not share:
        return centre + examples
    between = np.maximum(total - noise_variance, 0.0)
    return special.ndtr(centre / np.sqrt(1 + between) + examples)


def _density(values: Any) -> Any:
    return np.exp(-np.square(values) / 2) / math.sqrt(2 * math.pi)


def _judge(
    found: Estimate, draws: np.ndarray, kind: Kind, *, margin: float | None, confidence: float, pooled: tuple[Sample, Sample] | None
) -> Difference:
    tail = (1 - confidence) / 2
    low, high = (float(end) for end in np.quantile(draws, [tail, 1 - tail]))
    p_value = 2 * min(_chance(draws <= 0), _chance(draws >= 0))
    if pooled is not None:
        wide = _newcombe(*pooled, tail)
        low, high = min(low, wide[0]), max(high, wide[1])
        p_value = max(p_value, _newcombe_p(*pooled))
    bounds = BOUNDS[kind]
    low, high = max(bounds[0], min(low, found.value)), min(bounds[1], max(high, found.value))
    readable = kind != "number" or found.count > 2
    return Difference(
        estimate=replace(found, low=low, high=high) if readable else found,
        p_value=min(1.0, p_value),
        equivalence=None if margin is None else max(_chance(draws <= -margin), _chance(draws >= margin)),
    )


def _chance(happened: np.ndarray) -> float:
    return (float(happened.sum()) + 1) / (len(happened) + 1)


def _basis(sample: Sample) -> Basis:
    return "examples" if sample.seeds == 1 else "seeds and examples" if sample.is_whole else "seeds"


def _of_one_seed(found: Estimate, sample: Sample, tail: float) -> Estimate:
    """Wilson's interval of a share, Student's of a number; None where no examples are known."""
    if not sample.examples:
        return replace(found, error=None, freedom=None)
    if sample.kind == "share":
        low, high = _pooled(sample, sample.examples, float(stats.norm.ppf(1 - tail)))
        return replace(found, low=low, high=high)
    half = float(stats.t.ppf(1 - tail, max(1, sample.examples - 1))) * (found.error or 0.0)
    return replace(found, low=sample.value - half, high=sample.value + half)


def _example_correlation(arm: Sample, opponent: Sample) -> float:
    scale = math.sqrt(arm.example_variance * opponent.example_variance)
    return max(-1.0, min(1.0, column_covariance(arm, opponent) / scale)) if scale else 0.0


def _pooled(sample: Sample, answers: float, z: float) -> tuple[float, float]:
    """Wilson's interval on all answers together, between the ends of what outcomes can be: graded ones vary less than right and wrong."""
    low, high = sample.ends
    below, above = _wilson(sample.share_of_range, answers, z)
    return low + (high - low) * below, low + (high - low) * above


def _wilson(share: float, answers: float, z: float) -> tuple[float, float]:
    centre = (share + z * z / (2 * answers)) / (1 + z * z / answers)
    half = z / (1 + z * z / answers) * math.sqrt(share * (1 - share) / answers + z * z / (4 * answers * answers))
    return (0.0 if share == 0 else max(0.0, centre - half)), (1.0 if share == 1 else min(1.0, centre + half))


def _newcombe(arm: Sample, opponent: Sample, tail: float) -> tuple[float, float]:
    """Newcombe's (1998, method 10) limits of a difference of paired shares, from the two Wilson intervals."""
    z, gap = float(stats.norm.ppf(1 - tail)), arm.value - opponent.value
    ours, theirs = (_pooled(sample, sample.answers or 1, z) for sample in (arm, opponent))
    scale = arm.answer_deviation * opponent.answer_deviation
    together = max(0.0, min(1.0, column_covariance(arm, opponent) * (arm.examples or 1) / scale)) if scale else 0.0

    def reach(one: float, other: float) -> float:
        return math.sqrt(max(0.0, one * one - 2 * together * one * other + other * other))

    return gap - reach(arm.value - ours[0], theirs[1] - opponent.value), gap + reach(ours[1] - arm.value, opponent.value - theirs[0])


def _newcombe_p(arm: Sample, opponent: Sample) -> float:
    """The p value that goes with the limits: twice the tail at which one of them touches 0."""
    low, high = 1e-6, 0.5
    for _ in range(30):
        middle = math.sqrt(low * high)
        ends = _newcombe(arm, opponent, middle)
        low, high = (middle, high) if ends[0] <= 0 <= ends[1] else (low, middle)
    return 2 * low if low > 1e-6 else 0.0
