"""What is known of one arm: the levels of its seeds, and how far seeds, examples and chance move them (variance components)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

Kind = Literal["share", "difference of shares", "number"]
"""Outcomes within 0..1, within -1..1, or anywhere."""

_PSEUDO: dict[Kind, int] = {"share": 2, "difference of shares": 1, "number": 0}
"""How many examples are added at either end of the outcomes (:func:`outcome_ends`) before the spread over examples is judged, as in Agresti
and Coull's (1998) interval and in Agresti and Min's (2005) for differences: where nothing was solved they leave room for what was not seen,
elsewhere they weigh next to nothing."""

BOUNDS: dict[Kind, tuple[float, float]] = {"share": (0.0, 1.0), "difference of shares": (-1.0, 1.0), "number": (-math.inf, math.inf)}
"""The ends that a mean can have."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One arm on one test split.

    Attributes:
        levels: (K,) what each seed reached, the mean over its examples.
        noise: (K,) variance of each level that is neither the seed's nor shared by all seeds: it averages out over seeds.
        example_variance: of the mean over seeds, from the choice of the examples that all seeds share; 0 where they share none.
        resolution: what one example can move a level by.
        examples: distinct examples behind the levels; None where that is not known.
        answers: outcomes of all seeds together; 0 where that is not known.
        kind: what outcomes can be.
        column: (N,) mean over seeds of every example that all seeds share, to be paired with another arm's; None where there are none.
        is_whole: whether the choice of examples is accounted for.
        ends: between which outcomes lie (:func:`outcome_ends`).
    """

    levels: np.ndarray
    noise: np.ndarray
    example_variance: float
    resolution: float
    examples: int | None
    answers: int
    kind: Kind
    column: np.ndarray | None = None
    is_whole: bool = True
    ends: tuple[float, float] = (0.0, 1.0)

    @property
    def seeds(self) -> int:
        """K."""
        return len(self.levels)

    @property
    def value(self) -> float:
        """The mean over seeds."""
        return float(self.levels.mean())

    @property
    def share_of_range(self) -> float:
        """Where the mean lies between the ends, 0 to 1: the mean itself of answers that are right or wrong."""
        low, high = self.ends
        return min(1.0, max(0.0, (self.value - low) / (high - low)))

    @property
    def answer_deviation(self) -> float:
        """Standard deviation of a single answer that is at one end or the other: the most that answers with this mean can vary."""
        return (self.ends[1] - self.ends[0]) * math.sqrt(self.share_of_range * (1 - self.share_of_range))


def from_outcomes(outcomes: Sequence[np.ndarray], *, same_examples: bool, kind: Kind) -> Sample | None:
    """A sample from the outcome of every example under every seed; None without seeds or examples.

    With the same examples for all seeds the design is crossed, seed x example: ``outcome = mean + seed + example + rest``, and the
    mean squares of its two-way analysis of variance give the components (Searle, Casella and McCulloch 1992, chapter 4).

    Args:
        outcomes: for each seed (N,) bool or float.
        same_examples: every seed has the same examples in the same order.
        kind: what outcomes can be.

    Raises:
        ValueError: seeds differ in length under ``same_examples``, or an outcome is not finite.
    """
    tables = [np.asarray(each, dtype=float) for each in outcomes]
    if not tables or any(not len(each) for each in tables):
        return None
    if not all(np.isfinite(each).all() for each in tables):
        raise ValueError("outcomes that are not finite say nothing; leave their examples out")
    levels = np.array([each.mean() for each in tables])
    fewest = min(map(len, tables))
    ends = outcome_ends(tables, kind=kind)
    reach = {"share": ends[1] - ends[0], "difference of shares": ends[1], "number": 0.0}[kind]
    resolution = reach / fewest
    if not same_examples:
        noise = np.array([each.var(ddof=1) / len(each) if len(each) > 1 else 0.0 for each in tables])
        examples = sum(map(len, tables))
        return Sample(
            levels=levels,
            noise=noise,
            example_variance=0.0,
            resolution=resolution,
            examples=examples,
            answers=examples,
            kind=kind,
            ends=ends,
        )
    if len({len(each) for each in tables}) > 1:
        raise ValueError("same_examples=True, and the seeds differ in their number of examples")
    table = np.stack(tables)
    seeds, examples = table.shape
    column = table.mean(axis=0)
    rest = table - levels[:, None] - column + column.mean()
    rest_square = float((rest**2).sum()) / max(1, (seeds - 1) * (examples - 1))
    noise = np.full(seeds, rest_square / examples)
    spread = column_variance(column, kind=kind, ends=ends)
    return Sample(
        levels=levels,
        noise=noise,
        example_variance=max(0.0, spread - float(noise.mean()) / seeds),
        resolution=resolution,
        examples=examples,
        answers=seeds * examples,
        kind=kind,
        column=column,
        ends=ends,
    )


def from_levels(
    levels: Sequence[float], *, kind: Kind, examples: int | None = None, example_errors: Sequence[float] | None = None
) -> Sample | None:
    """A sample where only the level of every seed is known; None without any.

    Args:
        examples: how many examples are behind each level, where it is a mean of outcomes within 0..1: they then vary at most like answers
            that are right or wrong, and all of that may be shared by the seeds, which is assumed.
        example_errors: standard error of every level over examples, where that was recorded; likewise taken to be shared by all seeds.

    With neither, the sample speaks of new seeds on these examples only.

    Raises:
        ValueError: a level is not finite.
    """
    values = np.asarray(levels, dtype=float)
    if not len(values):
        return None
    if not np.isfinite(values).all():
        raise ValueError("a level that is not finite says nothing; leave its seed out")
    shared, mean = 0.0, float(values.mean())
    if example_errors is not None:
        shared = float(np.mean(np.square(example_errors)))
    elif examples and kind == "share":
        middle = (examples * mean + _PSEUDO[kind]) / (examples + 2 * _PSEUDO[kind])
        shared = middle * (1 - middle) / examples
    return Sample(
        levels=values,
        noise=np.zeros(len(values)),
        example_variance=shared,
        resolution=1 / examples if examples and kind == "share" else 0.0,
        examples=examples,
        answers=examples or 0,
        kind=kind,
        is_whole=shared > 0,
    )


def outcome_ends(outcomes: Sequence[np.ndarray], *, kind: Kind) -> tuple[float, float]:
    """The lowest and the highest outcome: 0 and 1 of answers that are right or wrong.

    Of graded answers, such as the share of their tokens that are right, those that were seen: twenty answers of 0.91 to 1 say more of a
    further one than that it may be 0. Where all outcomes are alike nothing was seen of how they differ, and the ends are those of the kind;
    the ends of differences lie evenly round 0.
    """
    if kind == "number":
        return BOUNDS[kind]
    low, high = min(float(each.min()) for each in outcomes), max(float(each.max()) for each in outcomes)
    if low == high:
        return BOUNDS[kind]
    if kind == "share":
        return low, high
    reach = max(-low, high)
    return -reach, reach


def relevelled(sample: Sample, levels: Sequence[float]) -> Sample:
    """The sample with levels that were measured more finely than its outcomes say, as by several answers to each example."""
    return replace(sample, levels=np.asarray(levels, dtype=float))


def column_variance(column: np.ndarray, *, kind: Kind, ends: tuple[float, float]) -> float:
    """Variance of the mean over examples of ``column`` (N,), with the pseudo-examples of its kind at these ends."""
    values = np.concatenate([column, np.repeat(ends, _PSEUDO[kind])])
    return float(values.var(ddof=1)) / len(values) if len(values) > 1 else 0.0


def column_covariance(one: Sample, other: Sample) -> float:
    """Covariance of two arms' means over the examples that both were tested on; 0 where they share none."""
    if one.column is None or other.column is None or len(one.column) != len(other.column) or len(one.column) < 2:
        return 0.0
    return float(np.cov(one.column, other.column)[0, 1]) / len(one.column)
