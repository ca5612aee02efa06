"""The simulated world: seeds whose true accuracy differs, examples whose difficulty differs, answers that are right or wrong."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import optimize, special


@dataclass(frozen=True, kw_only=True)
class Population:
    """One arm in the simulated world.

    Attributes:
        accuracy: expected over seeds and examples.
        spread: standard deviation of the true accuracy between seeds.
        difficulty: standard deviation of an example's difficulty on the probit scale; 0: all answers of a seed are tosses of one coin.
        shape: of the seeds' distribution: a normal on the probit scale, or a beta.
        tokens: in an answer, whose outcome is the share of them that are right; 1: an answer is right or wrong.
    """

    accuracy: float
    spread: float
    difficulty: float
    shape: str
    tokens: int = 1

    def draw(self, *, seeds: int, difficulties: np.ndarray, random: np.random.Generator) -> list[np.ndarray]:
        """For each of so many seeds the (N,) outcomes, 0 to 1, of examples of these (N,) standard normal difficulties."""
        accuracies = seed_accuracies(self, seeds, random)
        centres = special.ndtri(np.clip(accuracies, 1e-12, 1 - 1e-12)) * math.sqrt(1 + self.difficulty**2)
        right = [special.ndtr(centre - self.difficulty * difficulties) for centre in centres]
        if self.tokens == 1:
            return [random.random(len(difficulties)) < chances for chances in right]
        return [random.binomial(self.tokens, chances) / self.tokens for chances in right]


def widest_spread(accuracy: float) -> float:
    """The spread beyond which seeds no longer gather round one accuracy but pile up at 0 or 1: that of a beta with a shape of one."""
    rarer = min(accuracy, 1 - accuracy)
    return math.sqrt(rarer * (1 - rarer) / (1 / rarer + 1))


def seed_accuracies(population: Population, seeds: int, random: np.random.Generator) -> np.ndarray:
    """(K,) true accuracies of seeds."""
    if population.shape == "beta":
        size = population.accuracy * (1 - population.accuracy) / population.spread**2 - 1
        return random.beta(population.accuracy * size, (1 - population.accuracy) * size, seeds)
    centre, deviation = _probit_normal(population.accuracy, population.spread)
    return special.ndtr(centre + deviation * random.standard_normal(seeds))


@cache
def _probit_normal(accuracy: float, spread: float) -> tuple[float, float]:
    """Centre and standard deviation on the probit scale that give this mean and this spread (Gauss-Hermite quadrature)."""
    points, weights = np.polynomial.hermite_e.hermegauss(101)
    weights = weights / weights.sum()

    def excess(deviation: float) -> float:
        values = special.ndtr(special.ndtri(accuracy) * math.sqrt(1 + deviation**2) + deviation * points)
        return math.sqrt(float((weights * (values - accuracy) ** 2).sum())) - spread

    deviation = float(optimize.brentq(excess, 1e-9, 30.0))  # type: ignore[arg-type]
    return float(special.ndtri(accuracy)) * math.sqrt(1 + deviation**2), deviation
