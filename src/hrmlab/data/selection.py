"""Which examples a draw may take: the easiest at first (a curriculum), and each in proportion to its weight.

The plain order of an epoch is a permutation of U units. A selection turns the place of the drawn unit among all, by ease, into a place
among those that may be drawn: the U draws of an epoch fall into U equal strata of a line on which every unit is as long as it weighs, and
a random number places each within its own. So every unit is drawn in proportion to its weight, within two draws of its share in every
epoch (systematic sampling), and what is drawn is a pure function of the plain order, the number of the draw, and the step.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hrmlab.core.errors import UserError
from hrmlab.core.randomness import CounterRandom, stream_key
from hrmlab.data.example_set import ExampleSet
from hrmlab.data.groups import Groups, weigh_the_same


@dataclass(frozen=True, kw_only=True)
class Curriculum:
    """From the easiest examples to all of them. Pure functions of the step, so a resumed run needs nothing but its step.

    Attributes:
        steps: of the whole run.
        share: share of them over which the examples to draw from grow in number, above 0 and below 1.
        start: share of the examples, the easiest by rating, that the first step draws from.
    """

    steps: int
    share: float
    start: float

    def count(self, step: int, units: int) -> int:
        """How many of so many units, the easiest, a step draws from: it grows in a line, and is all from ``share * steps`` on."""
        done = step / (self.share * self.steps)
        return units if done >= 1 else min(units, max(1, round(units * (self.start + (1 - self.start) * done))))

    def check(self, train: ExampleSet, *, data: str) -> None:
        """Refuse examples that are not told apart by difficulty.

        Args:
            data: what the data are called in the configuration, for the message.

        Raises:
            UserError: ratings are absent, missing in part, or all the same.
        """
        asked = f"training.curriculum_share={self.share:g} orders the training examples by their ratings"
        remedy = "training.curriculum_share=0 draws from all of them"
        unrated = int(np.isnan(train.ratings).sum())
        if unrated == len(train):
            raise UserError(f"{asked} and data={data} gives none; choose data with ratings (in a table, a column rating), or {remedy}")
        if unrated:
            raise UserError(
                f"{asked} and of data={data} {unrated} of {len(train)} have none; rate those rows or leave them out, or {remedy}"
            )
        first = train.ratings[0]
        if (train.ratings == first).all():
            raise UserError(
                f"{asked} and of data={data} all {len(train)} have the rating {first:g}; choose data whose ratings differ, or {remedy}"
            )


class _Strata:
    """Units in some order on a line, each as long as it weighs.

    Args:
        order: (U,) int64 the units in this order.
        weights: (U,) float64 of each unit, above 0.
    """

    def __init__(self, order: np.ndarray, weights: np.ndarray, device: torch.device | str) -> None:
        self._order = torch.from_numpy(order.astype(np.int64)).to(device)
        self._place = torch.from_numpy(np.argsort(order)).to(device)
        self._reach = torch.from_numpy(weights[order].cumsum()).to(device)

    def pick(self, unit: Tensor, within: Tensor, count: int) -> Tensor:
        """(B,) the units that draws take among the first ``count``, instead of ``unit`` (B,) of all; ``within`` (B,) in [0, 1)."""
        stratum = self._reach[count - 1] / len(self._order)
        point = (self._place[unit] + within) * stratum
        return self._order[torch.searchsorted(self._reach, point, right=True).clamp(max=count - 1)]


class Selection:
    """What each draw takes instead of the unit that the plain order gives it; the very same where nothing is selected.

    Args:
        units: of the training set.
        curriculum: None for all units from the start.
        seed: of the places within strata.
        device: where draws are.
    """

    def __init__(self, units: Groups, *, curriculum: Curriculum | None, seed: int, device: torch.device | str = "cpu") -> None:
        self._units, self._curriculum, self._key = len(units), curriculum, stream_key(seed, "selection")
        same = weigh_the_same(units.weights)
        weights = np.ones(self._units) if same else units.weights
        easiest = None if curriculum is None else np.argsort(units.ratings, kind="stable")
        self._all = None if same else _Strata(np.arange(self._units), weights, device)
        self._easiest = None if easiest is None else _Strata(easiest, weights, device)
        self._identity = (b"" if same else weights.tobytes()) + (b"" if easiest is None else f"{curriculum}".encode() + easiest.tobytes())

    def pick(self, unit: Tensor, number: Tensor, step: int) -> Tensor:
        """(B,) the units taken at a step by the draws with these numbers (B,), to which the plain order gives ``unit`` (B,)."""
        strata, count = self._all, self._units
        if self._curriculum is not None and (some := self._curriculum.count(step, self._units)) < self._units:
            strata, count = self._easiest, some
        if strata is None:
            return unit
        return strata.pick(unit, CounterRandom(self._key, number).uniform("within a stratum", 1)[:, 0], count)

    def digest(self) -> bytes:
        """What tells this selection from others; empty where nothing is selected."""
        return hashlib.sha256(self._identity).digest() if self._identity else b""
