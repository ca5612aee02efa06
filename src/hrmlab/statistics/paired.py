"""Is one arm better than another? Tests that pair what belongs together: the same seed, the same test example."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from hrmlab.statistics.intervals import Estimate

_MOST_PATTERNS = 64


@dataclass(frozen=True, kw_only=True)
class PairedDifference:
    """Mean difference over seeds with its interval and two-sided p value (None with fewer than two seeds)."""

    estimate: Estimate
    p_value: float | None
    seeds: tuple[int, ...]


def paired_difference(
    arm: Mapping[int, float], baseline: Mapping[int, float], *, resolution: float = 0.0, confidence: float = 0.95
) -> PairedDifference | None:
    """Paired t test of arm minus baseline over the seeds that both have.

    Needs one common seed for the difference and two for interval and p value. It speaks about new seeds on these test examples.

    Args:
        arm, baseline: seed to score.
        resolution: the smallest step of a score (1 / number of test examples). Equal differences in all seeds would give an interval of
            width zero; the spread is therefore never taken to be below that of rounding to this step, ``resolution / sqrt(12)``.
    """
    seeds = tuple(sorted(set(arm) & set(baseline)))
    if not seeds:
        return None
    differences = np.array([arm[seed] - baseline[seed] for seed in seeds], dtype=float)
    mean, count = float(differences.mean()), len(seeds)
    if count == 1:
        return PairedDifference(estimate=Estimate(value=mean, low=None, high=None, count=1), p_value=None, seeds=seeds)
    deviation = max(float(differences.std(ddof=1)), resolution / math.sqrt(12))
    error = deviation / math.sqrt(count)
    half = float(stats.t.ppf(0.5 + confidence / 2, count - 1)) * error
    statistic = abs(mean) / error if error > 0 else math.inf if mean else 0.0
    p_value = float(2 * stats.t.sf(statistic, count - 1))
    estimate = Estimate(value=mean, low=mean - half, high=mean + half, count=count, deviation=deviation)
    return PairedDifference(estimate=estimate, p_value=p_value, seeds=seeds)


@dataclass(frozen=True, kw_only=True)
class McNemar:
    """Counts of the examples that exactly one of two networks solved, and the exact two-sided p value."""

    only_arm: int
    only_baseline: int
    p_value: float


def mcnemar(arm: np.ndarray, baseline: np.ndarray) -> McNemar:
    """McNemar's exact test on two networks' outcomes for the same examples.

    Needs nothing but the two outcome vectors; it speaks about these two trained networks, not about their recipes.

    Args:
        arm, baseline: (N,) bool, solved or not, in the same order of examples.

    Raises:
        ValueError: the lengths differ.
    """
    arm, baseline = np.asarray(arm, dtype=bool), np.asarray(baseline, dtype=bool)
    if arm.shape != baseline.shape:
        raise ValueError(f"outcomes of {arm.shape} and {baseline.shape} examples cannot be paired")
    only_arm, only_baseline = int((arm & ~baseline).sum()), int((~arm & baseline).sum())
    discordant = only_arm + only_baseline
    p_value = min(1.0, 2 * float(special.bdtr(min(only_arm, only_baseline), discordant, 0.5)))  # the binomial with share 1/2 is symmetric
    return McNemar(only_arm=only_arm, only_baseline=only_baseline, p_value=p_value)


@dataclass(frozen=True, kw_only=True)
class BootstrapDifference:
    """Mean difference with percentile interval and two-sided p value; ``seeds`` and ``examples`` say what was resampled."""

    value: float
    low: float
    high: float
    p_value: float
    seeds: int
    examples: int


def bootstrap_difference(
    arm: Sequence[np.ndarray],
    baseline: Sequence[np.ndarray],
    *,
    same_examples: bool,
    random: np.random.Generator,
    resamples: int = 10_000,
    confidence: float = 0.95,
) -> BootstrapDifference | None:
    """Hierarchical paired bootstrap: seeds are drawn with replacement, and test examples are.

    Needs one seed (then only examples vary: it speaks about these networks on new examples) and takes two or more into account. With few
    seeds it understates the spread between seeds; read it together with :func:`paired_difference`.

    Args:
        arm, baseline: for each common seed the (N,) outcomes, bool or float, on the same test examples in the same order.
        same_examples: every seed has the same test examples in the same order: an example is then drawn for all seeds at once (its
            difficulty is shared); otherwise each seed draws its own.
        random: the source of all random numbers.

    Returns:
        None where there is no seed or no example.

    Raises:
        ValueError: outcomes of a pair, or with ``same_examples`` of all seeds, differ in length, or one is not finite.
    """
    if len(arm) != len(baseline) or any(len(a) != len(b) for a, b in zip(arm, baseline, strict=True)):
        raise ValueError("outcomes cannot be paired: the arms differ in seeds or examples")
    if not arm or any(len(outcomes) == 0 for outcomes in arm):
        return None
    differences = [_outcomes(a) - _outcomes(b) for a, b in zip(arm, baseline, strict=True)]
    if not all(np.isfinite(difference).all() for difference in differences):
        raise ValueError("outcomes that are not finite cannot be drawn from; leave their examples out")
    if same_examples and len({len(difference) for difference in differences}) > 1:
        raise ValueError("same_examples=True, and the seeds differ in their number of examples")
    groups = [np.stack(differences)] if same_examples else [difference[None] for difference in differences]
    means = np.concatenate([_resampled_means(group, random=random, resamples=resamples) for group in groups], axis=1)  # (resamples, seeds)
    seeds = means.shape[1]
    drawn = random.multinomial(seeds, np.full(seeds, 1 / seeds), size=resamples) / seeds
    totals = (means * drawn).sum(axis=1)
    low, high = np.quantile(totals, [0.5 - confidence / 2, 0.5 + confidence / 2])
    if not any(difference.any() for difference in differences):
        # Resampling cannot show what was never seen; the exact limit on the share of examples that might differ, when none of so many did,
        # times the largest difference that the outcomes allow (1 for solved or not):
        examples = len(differences[0]) if same_examples else sum(map(len, differences))
        high = (1 - (0.5 - confidence / 2) ** (1 / examples)) * _largest_difference([*arm, *baseline])
        low = -high
    tail = min(int((totals <= 0).sum()), int((totals >= 0).sum()))
    return BootstrapDifference(
        value=float(np.mean([difference.mean() for difference in differences])),
        low=float(low),
        high=float(high),
        p_value=min(1.0, 2 * (tail + 1) / (resamples + 1)),
        seeds=seeds,
        examples=len(differences[0]),
    )


def _outcomes(values: np.ndarray) -> np.ndarray:
    """Solved or not as small integers, whose differences are exact; measured outcomes as they are."""
    values = np.asarray(values)
    return values.astype(np.int8 if values.dtype == bool else np.float64)


def _largest_difference(outcomes: Sequence[np.ndarray]) -> float:
    if all(np.asarray(values).dtype == bool for values in outcomes):
        return 1.0
    return float(max(np.max(values) for values in outcomes) - min(np.min(values) for values in outcomes))


def _resampled_means(differences: np.ndarray, *, random: np.random.Generator, resamples: int) -> np.ndarray:
    """(resamples, seeds) mean differences over resampled examples.

    Examples with the same column of differences are interchangeable, so the draw is a multinomial over the distinct columns. With more than
    a few dozen of them there are at least as many discordant examples, and the draw is made from its normal limit instead (same mean and
    covariance), which costs next to nothing.

    Args:
        differences: (seeds, N); in {-1, 0, 1} for solved or not.
    """
    patterns, counts = np.unique(differences, axis=1, return_counts=True)
    patterns, total = patterns.astype(float), differences.shape[1]
    shares = counts / total
    if len(shares) <= _MOST_PATTERNS:
        return random.multinomial(total, shares, size=resamples) @ patterns.T / total
    mean = patterns @ shares
    covariance = (patterns * shares) @ patterns.T - np.outer(mean, mean)
    values, vectors = np.linalg.eigh(covariance / total)
    return mean + random.standard_normal((resamples, len(mean))) @ (vectors * np.sqrt(np.maximum(values, 0.0))).T
