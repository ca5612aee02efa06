"""Cells of the calibration: how often an interval covers the truth, and how often the test finds a difference where there is none."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from benchmarks.calibration.population import Population, widest_spread
from hrmlab.statistics import calibrated, samples

_DRAWS, _SHARED_DIFFICULTY = 2_000, 0.8


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Two arms of equal accuracy, tested on the same examples.

    Attributes:
        is_beyond: whether the spread is one at which seeds pile up at 0 or 1.
    """

    one: Population
    other: Population
    seeds: int
    examples: int
    is_beyond: bool = False


@dataclass(kw_only=True)
class Outcome:
    """Counts over repetitions, of this project's interval and test and of what it had before."""

    repetitions: int = 0
    level_covers: int = 0
    levels: int = 0
    difference_covers: int = 0
    claims: int = 0
    t_covers: int = 0
    bootstrap_claims: int = 0
    groups: int = 0
    widths: list[float] = field(default_factory=list)


def cells(
    *,
    accuracies: Sequence[float] = (0.005, 0.05, 0.2, 0.5, 0.8, 0.995),
    only_beyond: Sequence[float] = (0.1,),
    spreads: Sequence[float] = (0.01, 0.05, 0.15),
    seeds: Sequence[int] = (3, 5, 10),
    examples: Sequence[int] = (100, 700, 5000),
) -> Iterator[Cell]:
    """The grid. A spread that seeds round one accuracy cannot have is replaced by the widest that they can, and simulated beyond it."""
    number = 0
    for accuracy in (*accuracies, *only_beyond):
        widest = widest_spread(accuracy)
        possible = sorted({min(spread, widest) for spread in spreads}) if accuracy in accuracies else []
        beyond = [spread for spread in spreads if widest * 1.2 < spread < 1.6 * min(accuracy, 1 - accuracy) + 0.003]
        for spread in [*possible, *beyond]:
            for count in seeds:
                for size in examples:
                    number += 1
                    shape = ("probit", "beta")[number % 2]
                    difficulty = (0.7, 1.5, 3.0)[number % 3]
                    other = spread * (1.0, 0.3, 0.6)[number % 3 if number % 2 else (number + 1) % 3]
                    yield Cell(
                        one=Population(accuracy=accuracy, spread=spread, difficulty=difficulty, shape=shape),
                        other=Population(accuracy=accuracy, spread=other, difficulty=difficulty, shape=shape),
                        seeds=count,
                        examples=size,
                        is_beyond=spread in beyond,
                    )


def graded_cells() -> Iterator[Cell]:
    """Outcomes that are the share of 30 tokens that are right, of as few examples as such studies have."""
    grid = itertools.product((0.5, 0.9, 0.97), (0.01, 0.03), (3, 5), (20, 100, 500))
    for number, (accuracy, spread, seeds, examples) in enumerate(grid, start=1):
        shape, difficulty = ("probit", "beta")[number % 2], (0.3, 0.7, 1.5)[number % 3]
        one, other = (
            Population(accuracy=accuracy, spread=part * min(spread, widest_spread(accuracy)), difficulty=difficulty, shape=shape, tokens=30)
            for part in (1.0, (1.0, 0.6)[number % 2])
        )
        yield Cell(one=one, other=other, seeds=seeds, examples=examples)


def simulate(cell: Cell, *, repetitions: int, random: np.random.Generator) -> Outcome:
    """Draw both arms so many times and count."""
    found = Outcome(repetitions=repetitions)
    truth = cell.one.accuracy
    for _ in range(repetitions):
        first = random.standard_normal(cell.examples)
        second = _SHARED_DIFFICULTY * first + math.sqrt(1 - _SHARED_DIFFICULTY**2) * random.standard_normal(cell.examples)
        ours = cell.one.draw(seeds=cell.seeds, difficulties=first, random=random)
        theirs = cell.other.draw(seeds=cell.seeds, difficulties=second, random=random)
        one, other = (samples.from_outcomes(each, same_examples=True, kind="share") for each in (ours, theirs))
        assert one is not None
        assert other is not None
        level = calibrated.level(one, random=random, draws=_DRAWS)
        if level.low is None or level.high is None:
            found.groups += 1
        else:
            found.levels += 1
            found.level_covers += level.low <= truth <= level.high
            found.widths.append(level.high - level.low)
        difference = calibrated.difference(one, other, random=random, draws=_DRAWS)
        ends = difference.estimate
        assert ends.low is not None
        assert ends.high is not None
        assert difference.p_value is not None
        found.difference_covers += ends.low <= 0 <= ends.high
        found.claims += difference.p_value < 0.05
        low, high = student_interval(one.levels, 1 / cell.examples)
        found.t_covers += low <= truth <= high
        low, high = bootstrap_interval(np.stack(ours), np.stack(theirs), random=random)
        found.bootstrap_claims += not low <= 0 <= high
    return found


def student_interval(levels: np.ndarray, step: float) -> tuple[float, float]:
    """What was reported before: Student's t over seeds, the spread at least that of rounding."""
    deviation = max(float(levels.std(ddof=1)), step / math.sqrt(12))
    half = float(stats.t.ppf(0.975, len(levels) - 1)) * deviation / math.sqrt(len(levels))
    return float(levels.mean()) - half, float(levels.mean()) + half


def bootstrap_interval(ours: np.ndarray, theirs: np.ndarray, *, random: np.random.Generator, resamples: int = 500) -> tuple[float, float]:
    """What was reported before: seeds (in pairs) and examples drawn again, percentile interval; examples from their normal limit."""
    differences = ours.astype(float) - theirs
    seeds, examples = differences.shape
    means = differences.mean(axis=1)
    values, vectors = np.linalg.eigh(np.cov(differences, bias=True) / examples)
    moved = means + random.standard_normal((resamples, seeds)) @ (vectors * np.sqrt(np.maximum(values, 0.0))).T
    weights = random.multinomial(seeds, np.full(seeds, 1 / seeds), size=resamples) / seeds
    low, high = np.quantile((moved * weights).sum(axis=1), [0.025, 0.975])
    return float(low), float(high)
