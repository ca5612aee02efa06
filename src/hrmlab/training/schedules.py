"""How the learning rate moves over a run: a factor of its peak for every step, after a linear rise."""

import inspect
import math
from collections.abc import Callable

import torch
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from hrmlab.config.values import SCHEDULES
from hrmlab.core.components import locate
from hrmlab.core.errors import UserError

Factor = Callable[[float], float]
"""From the progress after the rise (0 to 1) to the share of the way from the final rate to the peak that is still to go (1 to 0)."""


def _constant(progress: float) -> float:
    return 1.0


def _linear(progress: float) -> float:
    return 1 - progress


def _cosine(progress: float) -> float:
    """Half a cosine (Loshchilov and Hutter 2017, arXiv 1608.03983, without restarts)."""
    return 0.5 * (1 + math.cos(math.pi * progress))


def _shape(kind: str, decay_share: float) -> Factor:
    def stable_then_linear(progress: float) -> float:
        """At the peak, and down in a line over the last ``decay_share`` (Hu et al. 2024, arXiv 2404.06395)."""
        return min(1.0, (1 - progress) / decay_share)

    return {"constant": _constant, "linear": _linear, "cosine": _cosine, "warmup_stable_decay": stable_then_linear}[kind]


def learning_rate_schedule(
    optimizer: torch.optim.Optimizer,
    *,
    kind: str,
    steps: int,
    warmup_steps: int,
    final_learning_rate_ratio: float,
    decay_share: float,
    hold_share: float = 0.0,
) -> LRScheduler:
    """A linear rise over ``warmup_steps``, then the shape of ``kind`` from the peak to ``final_learning_rate_ratio`` of it at ``steps``.

    Args:
        optimizer: whose groups' rates are the peaks.
        kind: a name of ``SCHEDULES``, or the dotted path of a function ``(optimizer, *, steps, warmup_steps, final_learning_rate_ratio)``
            that returns an ``LRScheduler``, which is stepped after every optimizer step.
        decay_share: of the steps between the rise and the hold, the part in which ``warmup_stable_decay`` falls.
        hold_share: of the steps after the rise, the part at the end in which the rate stays at its final value. A rate that falls to the
            last step makes every curve rise to the last step; on a tail at one rate can be seen whether a run still learns.

    Raises:
        UserError: no such function, or one that returns something else.
    """
    if kind not in SCHEDULES:
        own = _own(kind)
        made = own(optimizer, steps=steps, warmup_steps=warmup_steps, final_learning_rate_ratio=final_learning_rate_ratio)
        if not isinstance(made, LRScheduler):
            raise UserError(f"optimizer.schedule={kind} returned a {type(made).__name__}; return a torch.optim.lr_scheduler.LRScheduler")
        return made
    shape = _shape(kind, decay_share)

    def factor(step: int) -> float:
        if step < warmup_steps:
            return (step + 1) / warmup_steps
        progress = min(1.0, (step - warmup_steps) / max(1, (steps - warmup_steps) * (1 - hold_share)))
        return final_learning_rate_ratio + (1 - final_learning_rate_ratio) * shape(progress)

    return LambdaLR(optimizer, factor)


def _own(path: str) -> Callable[..., object]:
    """The user's own function, checked to take what it is given."""
    try:
        found = locate(path)
    except UserError as error:
        raise UserError(f"optimizer.schedule={path}: {error}") from None
    try:
        inspect.signature(found).bind(None, steps=1, warmup_steps=0, final_learning_rate_ratio=0.1)
    except (TypeError, ValueError):
        raise UserError(
            f"optimizer.schedule={path} cannot be called as (optimizer, steps=, warmup_steps=, final_learning_rate_ratio=); give it these"
        ) from None
    return found
