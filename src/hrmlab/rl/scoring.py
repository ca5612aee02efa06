"""Rewards by name over many answers: pure functions, programs in the sandbox, and functions of one's own; what they may give is checked."""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from hrmlab.core.components import locate
from hrmlab.core.errors import UserError
from hrmlab.data.written.record import CodeRecord
from hrmlab.rl.rewards import REWARDS, Reward, program_of
from hrmlab.sandbox import Executor

CODE = "code"
"""The reward that runs what was written."""
NAMES = (*REWARDS, CODE)


class Scorer:
    """Rewards of the names that are asked for; a context manager, because the sandbox is one.

    Args:
        names: of :data:`NAMES`, or dotted paths of functions (record, text) -> number.
        timeout: seconds for one program.
        workers: programs run side by side.
        allow_unsafe: run programs even where no sandbox holds.

    Raises:
        UserError: no such reward, or (on entering, where programs are to be run) no sandbox holds.
    """

    def __init__(self, names: Sequence[str], *, timeout: float = 3.0, workers: int = 1, allow_unsafe: bool = False) -> None:
        self._functions: dict[str, Reward] = {name: _function(name) for name in names if name != CODE}
        self._sandbox = Executor(workers=workers, timeout=timeout, allow_unsafe=allow_unsafe) if CODE in names else None
        self._names, self._open = tuple(names), ExitStack()

    def __enter__(self) -> Self:
        if self._sandbox is not None:
            self._open.enter_context(self._sandbox)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open.close()

    def scores(self, records: Sequence[CodeRecord], texts: Sequence[str]) -> dict[str, list[float]]:
        """Every reward of every text, by the reward's name, in the order of the texts.

        Raises:
            UserError: a reward raises, or gives what is no finite number.
        """
        return {name: self.score(name, records, texts) for name in self._names}

    def score(self, name: str, records: Sequence[CodeRecord], texts: Sequence[str]) -> list[float]:
        """One reward of every text. Raises as :meth:`scores`."""
        if name == CODE:
            return self._run(records, texts)
        return [_checked(name, self._functions[name], record, text) for record, text in zip(records, texts, strict=True)]

    def _run(self, records: Sequence[CodeRecord], texts: Sequence[str]) -> list[float]:
        assert self._sandbox is not None
        programs = [program_of(record, text) for record, text in zip(records, texts, strict=True)]
        runnable = [place for place, program in enumerate(programs) if program is not None]
        found = [0.0] * len(programs)
        for number, verdict in self._sandbox.judge([program for program in programs if program is not None]):
            found[runnable[number]] = float(verdict.passed)
        return found


def _function(name: str) -> Reward:
    if name in REWARDS:
        return REWARDS[name]
    if "." not in name:
        raise UserError(f"there is no reward {name}; there are {', '.join(NAMES)}, and functions of your own by their dotted path")
    function: Any = locate(name)
    if not isinstance(function, Callable):
        raise UserError(f"the reward {name} is no function; it takes (record, text) and gives a number")
    return function


def _checked(name: str, reward: Reward, record: CodeRecord, text: str) -> float:
    try:
        value = float(reward(record, text))
    except Exception as error:  # whatever a function of the user's own gives rise to
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"the reward {name} failed on the problem {record.task_id} ({said}); mend it and resume the run") from None
    if not math.isfinite(value):
        raise UserError(f"the reward {name} gave {value} for the problem {record.task_id}, no finite number; mend it and resume the run")
    return value


def total(scores: Mapping[str, Sequence[float]], weights: Mapping[str, float]) -> list[float]:
    """The weighted sum of the rewards of every text."""
    return [sum(weights[name] * value for name, value in zip(scores, values, strict=True)) for values in zip(*scores.values(), strict=True)]
