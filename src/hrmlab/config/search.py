"""``search:`` of a sweep file: which keys are tuned, over which values, with how many trials for every arm and task.

search:
  space:
    optimizer.learning_rate: interval(1e-3,3e-2)   # or a list: 1.5e-3,3e-3,6e-3; int(interval(1,8))
  trials: 8                                        # of each arm on each task; a list has as many as its values
  sampler: quasi_random                            # for intervals; or tpe (needs Optuna)
  seed: 0
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from hydra.core.override_parser.types import IntervalSweep, Override
from omegaconf import OmegaConf

from hrmlab.config.values import nearest, show
from hrmlab.core.errors import UserError

KEY = "search"
Sampler = Literal["grid", "quasi_random", "tpe"]
_KEYS = ("space", "trials", "sampler", "seed")
_MOST_TRIALS = 1000


@dataclass(frozen=True)
class Listed:
    """Listed values, in Hydra's grammar."""

    values: tuple[str, ...]


@dataclass(frozen=True)
class Interval:
    """All numbers between two, both included; on a logarithmic scale where both are positive.

    Attributes:
        whole: whole numbers only.
    """

    low: float
    high: float
    whole: bool

    @property
    def logarithmic(self) -> bool:
        """Whether equal ratios are equally likely."""
        return self.low > 0


@dataclass(frozen=True, kw_only=True)
class Search:
    """A checked search.

    Attributes:
        space: key -> its values.
        written: key -> the same as it stands in the file.
        trials: of every arm on every task.
    """

    space: Mapping[str, Listed | Interval]
    written: Mapping[str, str]
    trials: int
    sampler: Sampler
    seed: int


def read_search(value: Any, parse: Callable[[Sequence[str]], list[Override]]) -> Search | None:
    """The search that a sweep file asks for; None where it asks for none.

    Args:
        value: of the key ``search``, composed.
        parse: from ``key=value`` words to overrides.

    Raises:
        UserError: what is wrong with it.
    """
    plain = OmegaConf.to_container(value, resolve=False) if OmegaConf.is_config(value) else value
    if plain is None:
        return None
    if not isinstance(plain, dict):
        raise UserError(f"{KEY}={show(plain)} is not a section; it has {', '.join(_KEYS)}")
    for key in plain:
        if key not in _KEYS:
            guess = nearest(str(key), _KEYS)
            raise UserError(
                f"{KEY}.{key} is not a known key; " + (f"did you mean {KEY}.{guess}?" if guess else f"it has {', '.join(_KEYS)}")
            )
    written = plain.get("space")
    if not isinstance(written, dict) or not written:
        raise UserError(f"{KEY}.space={show(written)} names no key to tune; write for example optimizer.learning_rate: 1e-3,3e-3")
    space = {str(key): _dimension(str(key), str(text), parse) for key, text in written.items()}
    sampler = plain.get("sampler") or ("quasi_random" if any(isinstance(item, Interval) for item in space.values()) else "grid")
    if sampler not in get_args(Sampler):
        raise UserError(f"{KEY}.sampler={show(sampler)} is not one of {', '.join(get_args(Sampler))}")
    return Search(
        space=space,
        written={str(key): str(text) for key, text in written.items()},
        trials=_trials(plain.get("trials"), space, sampler),
        sampler=sampler,
        seed=_whole(plain.get("seed", 0), "seed", least=0),
    )


def _dimension(key: str, text: str, parse: Callable[[Sequence[str]], list[Override]]) -> Listed | Interval:
    (override,) = parse([f"{key}={text}"])
    value = override.value()
    if isinstance(value, IntervalSweep):
        low, high = value.start, value.end
        if low is None or high is None or not low < high:
            raise UserError(f"{KEY}.space.{key}={text} is no interval; write interval(low,high) with low below high")
        return Interval(float(low), float(high), isinstance(low, int) and isinstance(high, int))
    if not override.is_sweep_override():
        return Listed((text,))
    if not override.is_discrete_sweep():
        raise UserError(f"{KEY}.space.{key}={text} is neither a list of values nor interval(low,high)")
    return Listed(tuple(dict.fromkeys(str(item) for item in override.sweep_string_iterator())))


def _trials(value: Any, space: Mapping[str, Listed | Interval], sampler: str) -> int:
    if sampler != "grid":
        if value is None:
            raise UserError(f"{KEY}.trials is missing; give the number of trials for each arm on each task")
        return _whole(value, "trials", least=1)
    combinations = 1
    for key, item in space.items():
        if isinstance(item, Interval):
            raise UserError(f"{KEY}.sampler=grid needs lists of values, and {key} has an interval; use quasi_random or tpe")
        combinations *= len(item.values)
    if value is not None and value != combinations:
        raise UserError(f"{KEY}.trials={show(value)} contradicts the {combinations} combinations of the listed values; leave trials out")
    return combinations


def _whole(value: Any, key: str, *, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= _MOST_TRIALS:
        raise UserError(f"{KEY}.{key}={show(value)} is not an integer from {least} to {_MOST_TRIALS}")
    return value
