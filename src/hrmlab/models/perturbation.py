"""Random starts, noise and damping of a recurrent arm's states: Equilibrium Reasoners (Huang, Geng and Kolter 2026, arXiv 2605.21488).

States that begin anywhere and are disturbed on their way learn to come back to the answer. Their release (github.com/locuslab/EqR) has a
TRM with ``random_start=1``, ``damping=0.05`` and ``state_noise=0.01``. Two things are ours: noise is added in training alone, so that
answers are the same every time (``evaluation.noise`` has it at the test), and starts are normal where the release truncates them.

All numbers are drawn from what training sets as a reasoner's ``random``: a pure function of seed, step and slot.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor

from hrmlab.core.randomness import CounterRandom
from hrmlab.layers.options import UpdateOptions
from hrmlab.models.reasoner import Reasoner


class Updates:
    """The updates of one pass, called one after another with a state and what was made of it.

    Args:
        options: damping and noise; with neither, what was made of a state is the new state, the very tensor.
        random: a row for each example; None: no noise.
    """

    def __init__(self, options: UpdateOptions, random: CounterRandom | None) -> None:
        self._options, self._random, self._number = options, random, 0

    def __call__(self, old: Tensor, new: Tensor) -> Tensor:
        """The new state, (B, ...) as both."""
        damping, noise = self._options.damping, self._options.state_noise
        self._number += 1
        if damping:
            new = damping * old + (1 - damping) * new
        if not noise or self._random is None:
            return new
        return new + noise * _normal(self._random, f"update {self._number}", new)


def random_start(state: Tensor, name: str, deviation: float, random: CounterRandom) -> Tensor:
    """A drawn start of the named state, of the shape (B, ...) and type of ``state``."""
    return deviation * _normal(random, f"start {name}", state)


def drawn_from(reasoner: Reasoner) -> CounterRandom | None:
    """Where a reasoner's random numbers come from, now: None outside of training."""
    return reasoner.random if reasoner.training else None


@contextmanager
def undisturbed(reasoner: Reasoner) -> Iterator[None]:
    """Nothing is drawn while the context lasts."""
    random, reasoner.random = reasoner.random, None
    try:
        yield
    finally:
        reasoner.random = random


def _normal(random: CounterRandom, purpose: str, like: Tensor) -> Tensor:
    """Standard normal numbers of the shape (B, ...) and type of ``like``."""
    return random.normal(purpose, like[0].numel()).view_as(like).to(like.dtype)
