"""Which values an arm's trials try. Lists and quasi-random points are the same for every arm and known beforehand; TPE follows results.

All are functions of the search and the trials before, so a sweep that was stopped finds its trials again in the run directories.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from scipy.stats import qmc

from hrmlab.config.search import Interval, Listed, Search
from hrmlab.core.errors import UserError
from hrmlab.core.randomness import stream

Point = Mapping[str, str]
"""Key -> value, in Hydra's grammar."""

_DIGITS = 3


@dataclass(frozen=True)
class Tried:
    """A trial that has ended.

    Attributes:
        score: larger is better; None for one that failed.
    """

    point: Point
    score: float | None


def known_beforehand(search: Search) -> list[Point]:
    """The points that need no results: all of them, but with ``tpe`` the first half, which is quasi-random."""
    if search.sampler == "grid":
        values = [item.values for item in search.space.values() if isinstance(item, Listed)]
        return [dict(zip(search.space, combination, strict=True)) for combination in itertools.product(*values)]
    count = search.trials if search.sampler == "quasi_random" else math.ceil(search.trials / 2)
    return _quasi_random(search, count)


def following(search: Search, tried: Sequence[Tried], *, name: str) -> Point:
    """The next point by the tree-structured Parzen estimator (Bergstra et al. 2011), from the trials before it in their order.

    Args:
        name: of the arm and task; a stream of random numbers of its own.

    Raises:
        UserError: Optuna is not installed.
    """
    optuna = _optuna()
    random = stream(search.seed, "search", name, len(tried))
    sampler = optuna.samplers.TPESampler(seed=int(random.integers(2**31)), n_startup_trials=0)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    distributions = {key: _distribution(optuna, item) for key, item in search.space.items()}
    worst = min((trial.score for trial in tried if trial.score is not None), default=0.0)
    for trial in tried:
        params = {key: _number(item, trial.point[key]) for key, item in search.space.items()}
        score = worst if trial.score is None else trial.score  # a trial that failed is no better than the worst
        study.add_trial(optuna.trial.create_trial(params=params, distributions=distributions, value=score))
    asked = study.ask(fixed_distributions=distributions).params
    return {key: asked[key] if isinstance(item, Listed) else _written(asked[key], item) for key, item in search.space.items()}


def check_sampler(search: Search) -> None:
    """Refuse a sampler that is not installed, before anything starts.

    Raises:
        UserError: it is not.
    """
    if search.sampler == "tpe":
        _optuna()


def _quasi_random(search: Search, count: int) -> list[Point]:
    """Halton's sequence, shifted by the seed: evenly spread however many are taken, none twice at one place."""
    shift = stream(search.seed, "search").random(len(search.space))
    shares = (qmc.Halton(d=len(search.space), scramble=False).random(count) + shift) % 1.0
    return [{key: _at(item, float(share)) for (key, item), share in zip(search.space.items(), row, strict=True)} for row in shares]


def _at(item: Listed | Interval, share: float) -> str:
    """The value that a share of the way through."""
    if isinstance(item, Listed):
        return item.values[min(int(share * len(item.values)), len(item.values) - 1)]
    if item.logarithmic:
        return _written(item.low * (item.high / item.low) ** share, item)
    return _written(item.low + (item.high - item.low) * share, item)


def _written(value: float, item: Interval) -> str:
    """With three digits: a value that a person can repeat."""
    if item.whole:
        return str(round(value))
    rounded = float(f"{value:.{_DIGITS}g}")
    return repr(min(max(rounded, item.low), item.high))


def _number(item: Listed | Interval, text: str) -> Any:
    return text if isinstance(item, Listed) else int(text) if item.whole else float(text)


def _distribution(optuna: Any, item: Listed | Interval) -> Any:
    if isinstance(item, Listed):
        return optuna.distributions.CategoricalDistribution(item.values)
    if item.whole:
        return optuna.distributions.IntDistribution(int(item.low), int(item.high), log=item.logarithmic)
    return optuna.distributions.FloatDistribution(item.low, item.high, log=item.logarithmic)


def _optuna() -> Any:
    try:
        optuna = import_module("optuna")
    except ModuleNotFoundError:
        raise UserError(
            "search.sampler=tpe needs the package 'optuna', which is not installed; run: pip install 'hrmlab[tune]', or use "
            "search.sampler=quasi_random"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
