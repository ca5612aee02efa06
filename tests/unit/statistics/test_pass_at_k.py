"""pass@k against its definition, by enumeration of all subsets."""

from itertools import combinations
from math import isclose

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrmlab.statistics.intervals import wilson_interval
from hrmlab.statistics.pass_at_k import pass_at_k, pass_at_k_values

counted = st.integers(1, 9).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))


def enumerated(n: int, c: int, k: int) -> float:
    """Share of the choices of k samples of which at least one passes."""
    samples = [True] * c + [False] * (n - c)
    choices = [any(choice) for choice in combinations(samples, k)]
    return sum(choices) / len(choices)


@given(counted, st.integers(1, 9))
def test_the_estimator_is_the_share_of_choices_with_a_passing_sample(problem, k):
    (value,) = pass_at_k_values([problem[0]], [problem[1]], k)
    if k > problem[0]:
        assert np.isnan(value)
    else:
        assert isclose(value, enumerated(problem[0], problem[1], k), abs_tol=1e-12)


@given(st.lists(counted, min_size=1, max_size=8))
def test_it_grows_with_k_and_is_the_share_of_passed_samples_at_one(problems):
    counts, passed = (list(column) for column in zip(*problems, strict=True))
    curve = np.array([pass_at_k_values(counts, passed, k) for k in range(1, min(counts) + 1)])
    assert np.allclose(curve[0], np.array(passed) / np.array(counts))
    assert (np.diff(curve, axis=0) >= -1e-12).all()
    assert ((curve >= 0) & (curve <= 1)).all()


def test_large_counts_neither_overflow_nor_lose_the_rare_success():
    assert pass_at_k_values([100_000], [1], 1)[0] == pytest.approx(1e-5)
    assert pass_at_k_values([2000], [3], 1000)[0] == pytest.approx(1 - (1000 * 999 * 998) / (2000 * 1999 * 1998))


def test_too_few_samples_give_a_reason_and_no_number():
    result = pass_at_k([10, 3, 10], [1, 1, 1], 5, random=np.random.default_rng(0))
    assert result.estimate is None
    assert result.reason == "1 of 3 problems have fewer than k=5 samples (the fewest: 3); draw more"
    assert pass_at_k([], [], 1, random=np.random.default_rng(0)).reason == "there are no problems"


def test_one_sample_a_problem_has_wilsons_interval():
    result = pass_at_k([1] * 50, [1] * 20 + [0] * 30, 1, random=np.random.default_rng(0))
    assert result.interval == "wilson"
    assert result.estimate == wilson_interval(20, 50)


def test_the_bootstrap_repeats_with_its_generator_and_covers_the_spread_between_problems():
    passed = [0] * 40 + [10] * 40
    one, two = (pass_at_k([10] * 80, passed, 1, random=np.random.default_rng(7)) for _ in range(2))
    assert one == two
    assert one.interval == "bootstrap"
    assert one.estimate is not None
    assert one.estimate.value == 0.5
    assert one.estimate.low is not None
    assert one.estimate.high is not None
    # between problems the values are 0 or 1: the half width is that of a proportion, 1.96 * 0.5 / sqrt(80) = 0.11, not that of 800 samples
    assert one.estimate.high - one.estimate.low == pytest.approx(0.22, abs=0.04)


def test_no_success_at_all_is_not_certainty():
    result = pass_at_k([20] * 164, [0] * 164, 10, random=np.random.default_rng(0))
    assert result.estimate is not None
    assert result.estimate.value == 0
    assert result.estimate.high is not None
    assert 0.01 < result.estimate.high < 0.04


def test_values_without_spread_have_no_interval():
    result = pass_at_k([2, 2], [1, 1], 1, random=np.random.default_rng(0))
    assert result.estimate is not None
    assert (result.estimate.value, result.estimate.low, result.interval) == (0.5, None, "none")


@pytest.mark.parametrize(("counts", "passed", "k"), [([1], [2], 1), ([1], [-1], 1), ([1], [1, 1], 1), ([1], [1], 0)])
def test_impossible_counts_are_refused(counts, passed, k):
    with pytest.raises(ValueError, match=r"must be|do not go|not within"):
        pass_at_k_values(counts, passed, k)
