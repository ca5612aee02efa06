"""The check of having finished: what it says of known curves, how often it is wrong, and what leaves it unchanged."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrmlab.statistics.convergence import ENDED, RELEVANT_GAIN, convergence, decide

STEPS = np.arange(1, 41) * 250


def curve(gain: float, noise: float, random: np.random.Generator, level: float = 0.7) -> np.ndarray:
    """A curve that gains so much in each quarter and ends at ``level``."""
    return level + gain * (4 * STEPS / STEPS[-1] - 4) + random.normal(0, noise, len(STEPS))


def counted(values: np.ndarray, examples: int) -> np.ndarray:
    """The same of so many examples that are right or wrong."""
    return np.round(values * examples) / examples


@pytest.mark.parametrize(
    ("values", "state"),
    [
        (0.9 * (1 - np.exp(-STEPS / 500)), "converged"),
        (np.full(40, 1.0), "converged"),
        (0.9 / (1 + np.exp(-(STEPS - 7500) / 800)), "still rising"),
        (np.linspace(0.0, 0.6, 40), "still rising"),
        (0.9 - 0.3 * np.clip(STEPS / 5000 - 1, 0, 1), "no longer rising"),
        (np.zeros(40), "not begun"),
        (np.where(np.arange(40) % 7 == 0, 0.002, 0.0), "not begun"),
        (0.5 + 0.1 * np.cos(np.arange(40) * 2.1), "cannot tell"),
    ],
)
def test_known_curves(values: np.ndarray, state: str) -> None:
    assert convergence(STEPS, values, examples=500).state == state


def test_a_falling_error_is_still_getting_better() -> None:
    found = convergence(STEPS, np.linspace(3.0, 1.0, 40), larger_is_better=False, is_share=False, relevant=0.02)
    assert found.state == "still rising"
    assert found.gain == pytest.approx(0.5, rel=0.1)
    assert found.last_doubling == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize("kept", [[], [0], [9, 19, 29, 39], [3, 7, 11, 15, 19, 23, 27, 31, 35, 39]])
def test_few_validations_tell_nothing(kept: list[int]) -> None:
    found = convergence(STEPS[kept], np.linspace(0.1, 0.9, len(kept)))
    assert found.state == "cannot tell"
    assert "validation" in found.reason


def test_a_curve_too_short_for_its_last_quarter_still_has_a_last_doubling() -> None:
    found = convergence(STEPS[:8], np.linspace(0.1, 0.8, 8))  # 3 validations in the last quarter, as a short run has
    assert (found.state, found.gain) == ("cannot tell", None)
    assert found.last_doubling == pytest.approx(0.3)
    assert convergence(STEPS[:4], np.linspace(0.1, 0.8, 4)).last_doubling is None


def test_both_questions_at_their_limits() -> None:
    assert decide(0.005, 0.01) == "converged"
    assert decide(0.015, 0.01) == "still rising"
    assert decide(-0.015, 0.01) == "no longer rising"
    assert decide(-0.02, 0.04) == "no longer rising"  # whether it falls is not known, but it gains too little to matter
    assert decide(-0.02, 0.041) == "cannot tell"
    assert decide(0.005, 0.02) == "cannot tell"
    assert decide(0.015, 0.002) == "converged"  # surely above zero, and surely too little to matter


def test_few_examples_make_a_gain_uncertain() -> None:
    values = curve(0.03, 0.0, np.random.default_rng(0))
    assert convergence(STEPS, counted(values, 5000), examples=5000).state == "still rising"
    assert convergence(STEPS, counted(values, 50), examples=50).state == "cannot tell"


def test_graded_outcomes_are_not_rounded_to_whole_examples() -> None:
    steps = np.arange(1, 31) * 20
    flat = np.where(steps > 300, 0.9637, 0.9637 * steps / 300)
    assert convergence(steps, flat, examples=20).state == "converged"
    assert convergence(steps, counted(flat, 20), examples=20).state == "cannot tell"


@pytest.mark.parametrize("noise", [0.003, 0.01, 0.03])
def test_false_alarms(noise: float) -> None:
    """A flat curve is called rising, and one that gains just what matters finished in any way, in about 5 % at most."""
    random, rounds = np.random.default_rng(7), 400
    flat = [convergence(STEPS, counted(curve(0.0, noise, random), 500), examples=500).state for _ in range(rounds)]
    rising = [convergence(STEPS, counted(curve(RELEVANT_GAIN, noise, random), 500), examples=500).state for _ in range(rounds)]
    limit = 0.05 + 3 * np.sqrt(0.05 * 0.95 / rounds)
    assert np.mean([state == "still rising" for state in flat]) <= limit
    assert np.mean([state in ENDED for state in rising]) <= limit


def test_it_sees_what_it_should() -> None:
    random, rounds = np.random.default_rng(8), 100
    assert np.mean([convergence(STEPS, curve(0.0, 0.004, random), examples=500).state == "converged" for _ in range(rounds)]) > 0.9
    assert np.mean([convergence(STEPS, curve(0.1, 0.02, random), examples=500).state == "still rising" for _ in range(rounds)]) > 0.9


@given(st.lists(st.floats(0.02, 1), min_size=16, max_size=40), st.integers(1, 1000))
def test_the_unit_of_steps_does_not_matter(values: list[float], unit: int) -> None:
    steps = np.arange(1, len(values) + 1)
    one, other = convergence(steps, values), convergence(steps * unit, values)
    assert one.state == other.state
    assert one.gain == pytest.approx(other.gain, abs=1e-9)


@given(st.lists(st.floats(0.02, 0.98), min_size=16, max_size=40))
def test_an_error_is_a_share_upside_down(values: list[float]) -> None:
    steps, errors = np.arange(1, len(values) + 1), [1 - value for value in values]
    one, other = convergence(steps, values), convergence(steps, errors, larger_is_better=False)
    assert one.gain == pytest.approx(other.gain, abs=1e-9)
    assert one.margin == pytest.approx(other.margin, abs=1e-9)


def test_mistakes_are_errors() -> None:
    for steps, values, relevant, words in (
        ([1, 2], [0.1], 0.02, "do not go with"),
        ([2, 1], [0.1, 0.2], 0.02, "increasing"),
        ([1, 2], [0.1, np.nan], 0.02, "finite"),
        ([1, 2], [0.1, 0.2], 0.0, "relevant"),
    ):
        with pytest.raises(ValueError, match=words):
            convergence(steps, values, relevant=relevant)


@pytest.mark.parametrize(
    ("training", "ended"),
    [
        (np.zeros(40), False),
        (np.linspace(0.0, 0.4, 40), False),
        (0.14 * (1 - np.exp(-STEPS / 500)), True),
        (np.linspace(0.0, 0.9, 40), True),
        (0.15 + 0.1 * np.cos(np.arange(40) * 2.1), False),
        (np.array([]), False),
    ],
)
def test_a_curve_at_zero_has_ended_where_training_has(training: np.ndarray, ended: bool) -> None:
    curve_of_training = (STEPS[: len(training)], training)
    assert convergence(STEPS, np.zeros(40), examples=500, training=curve_of_training).state == ("by heart" if ended else "not begun")


def test_training_says_nothing_of_a_curve_that_has_left_zero() -> None:
    for values in (np.linspace(0.0, 0.6, 40), 0.9 * (1 - np.exp(-STEPS / 500)), 0.5 + 0.1 * np.cos(np.arange(40) * 2.1)):
        assert convergence(STEPS, values, training=(STEPS, np.full(40, 1.0))) == convergence(STEPS, values)
