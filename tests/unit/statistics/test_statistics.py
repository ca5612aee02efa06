"""Statistics against SciPy, published values and simulated coverage."""

import numpy as np
import pytest
from scipy import stats

from hrmlab.statistics.correction import holm
from hrmlab.statistics.intervals import mean_interval, wilson_interval


def test_mean_interval_is_scipys_t_interval() -> None:
    values = [0.81, 0.85, 0.79, 0.9]
    estimate = mean_interval(values)
    assert estimate is not None
    low, high = stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values))
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((np.mean(values), low, high))
    assert estimate.count == 4


def test_what_cannot_be_said_is_none() -> None:
    assert mean_interval([]) is None
    one = mean_interval([0.5])
    assert one is not None
    assert (one.value, one.low, one.high, one.deviation) == (0.5, None, None, None)
    assert wilson_interval(0, 0) is None
    with pytest.raises(ValueError, match="not finite"):
        mean_interval([0.1, float("nan")])


@pytest.mark.parametrize(("solved", "total"), [(0, 20), (20, 20), (7, 20), (981, 1000)])
def test_wilson_interval_is_scipys(solved: int, total: int) -> None:
    estimate = wilson_interval(solved, total)
    expected = stats.binomtest(solved, total).proportion_ci(method="wilson")
    assert estimate is not None
    assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    with pytest.raises(ValueError, match="not within"):
        wilson_interval(total + 1, total)


def test_holm_reproduces_the_step_down_procedure() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, None, 0.7]) == [1.0, None, 1.0]
    assert holm([]) == []


def test_coverage_of_the_mean_interval() -> None:
    random = np.random.default_rng(11)
    hits = 0
    for values in random.normal(0.6, 0.1, size=(1000, 3)):
        estimate = mean_interval(values.tolist())
        assert estimate is not None
        assert estimate.low is not None
        assert estimate.high is not None
        hits += estimate.low <= 0.6 <= estimate.high
    assert 0.93 <= hits / 1000 <= 0.97
