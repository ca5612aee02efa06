"""Several tasks at once, as Agarwal et al. (2021) recommend: interquartile mean, probability of improvement, performance profiles.

Intervals are percentile intervals of a bootstrap that draws the seeds of each task again (stratified); tasks are fixed. Where every draw
comes to the same there is none: drawing again cannot show more than was seen, and three seeds that agree are no certainty.
"""

from collections.abc import Sequence

import numpy as np

from hrmlab.statistics.intervals import Estimate, without_empty_interval

RESAMPLES = 2_000
Scores = Sequence[Sequence[float]]
"""For each task the scores of its seeds; tasks may have different numbers of them."""


def interquartile_mean(scores: Scores, *, random: np.random.Generator, resamples: int = RESAMPLES) -> Estimate | None:
    """Mean of the middle half of all scores, over tasks and seeds; None without scores.

    Fewer than three seeds of every task leave nothing to draw from, and no interval.
    """
    tasks = _arrays(scores)
    if not tasks:
        return None
    value = float(_middle_mean(np.concatenate(tasks)[None])[0])
    drawn = np.concatenate([_drawn(task, resamples, random) for task in tasks], axis=1)
    return _estimate(value, _middle_mean(drawn), tasks)


def probability_of_improvement(one: Scores, other: Scores, *, random: np.random.Generator, resamples: int = RESAMPLES) -> Estimate | None:
    """Chance that a seed of one arm scores higher than a seed of the other on the same task, ties as half, averaged over tasks.

    Args:
        one, other: the same tasks in the same order.

    Raises:
        ValueError: the numbers of tasks differ.
    """
    if len(one) != len(other):
        raise ValueError(f"{len(one)} tasks cannot be compared with {len(other)}")
    pairs = [(np.asarray(a, dtype=float), np.asarray(b, dtype=float)) for a, b in zip(one, other, strict=True) if len(a) and len(b)]
    if not pairs:
        return None
    value = float(np.mean([_higher(a[None], b[None])[0] for a, b in pairs]))
    drawn = np.mean([_higher(_drawn(a, resamples, random), _drawn(b, resamples, random)) for a, b in pairs], axis=0)
    return _estimate(value, drawn, [task for pair in pairs for task in pair])


def performance_profile(
    scores: Scores, levels: np.ndarray, *, random: np.random.Generator, resamples: int = RESAMPLES
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Share of all scores above each level, every task with equal weight, and its pointwise 95 % interval: three arrays of (L,)."""
    tasks = _arrays(scores)
    value = np.mean([(task[:, None] > levels).mean(axis=0) for task in tasks], axis=0)
    drawn = np.mean([(_drawn(task, resamples, random)[:, :, None] > levels).mean(axis=1) for task in tasks], axis=0)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return value, low, high


def _arrays(scores: Scores) -> list[np.ndarray]:
    return [np.asarray(task, dtype=float) for task in scores if len(task)]


def _drawn(task: np.ndarray, resamples: int, random: np.random.Generator) -> np.ndarray:
    """(resamples, seeds) scores of one task, drawn with replacement."""
    return task[random.integers(len(task), size=(resamples, len(task)))]


def _middle_mean(scores: np.ndarray) -> np.ndarray:
    """Mean over the last axis without the lowest and the highest quarter (rounded down), as SciPy's ``trim_mean(..., 0.25)``."""
    cut = scores.shape[-1] // 4
    return np.sort(scores, axis=-1)[..., cut : scores.shape[-1] - cut].mean(axis=-1)


def _higher(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(R,) share of pairs in which the first is higher, of (R, A) and (R, B) scores."""
    difference = one[:, :, None] - other[:, None, :]
    return ((difference > 0) + 0.5 * (difference == 0)).mean(axis=(1, 2))


def _estimate(value: float, drawn: np.ndarray, tasks: Sequence[np.ndarray]) -> Estimate:
    count = min(len(task) for task in tasks)
    if count < 3:
        return Estimate(value=value, low=None, high=None, count=count)
    low, high = np.quantile(drawn, [0.025, 0.975])
    found = Estimate(value=value, low=float(low), high=float(high), count=count, error=float(drawn.std(ddof=1)))
    return without_empty_interval(found)
