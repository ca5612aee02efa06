"""Several tasks at once, against SciPy and by hand."""

import numpy as np
import pytest
from scipy import stats

from hrmlab.statistics.over_tasks import interquartile_mean, performance_profile, probability_of_improvement


def test_interquartile_mean_is_scipys_trimmed_mean() -> None:
    scores = [[0.1, 0.5, 0.6, 0.9], [0.2, 0.3, 0.8, 0.95]]
    found = interquartile_mean(scores, random=np.random.default_rng(0))
    assert found is not None
    assert found.value == pytest.approx(stats.trim_mean(np.concatenate(scores), 0.25))
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high
    assert interquartile_mean([], random=np.random.default_rng(0)) is None


def test_probability_of_improvement_is_that_of_pairs_of_seeds() -> None:
    found = probability_of_improvement([[0.5, 0.9, 0.7]], [[0.5, 0.6, 0.8]], random=np.random.default_rng(0))
    expected = stats.mannwhitneyu([0.5, 0.9, 0.7], [0.5, 0.6, 0.8]).statistic / 9
    assert found is not None
    assert found.value == pytest.approx(expected)
    with pytest.raises(ValueError, match="cannot be compared"):
        probability_of_improvement([[0.5]], [], random=np.random.default_rng(0))


def test_a_profile_falls_from_all_to_none() -> None:
    share, low, high = performance_profile([[0.2, 0.4], [0.6, 0.8]], np.array([0.0, 0.5, 1.0]), random=np.random.default_rng(0))
    np.testing.assert_allclose(share, [1.0, 0.5, 0.0])
    assert (low <= share).all()
    assert (share <= high).all()


def test_two_seeds_have_no_interval() -> None:
    found = interquartile_mean([[0.2, 0.4], [0.6, 0.8]], random=np.random.default_rng(0))
    assert found is not None
    assert found.low is None


def test_draws_that_are_all_equal_make_no_interval() -> None:
    lower, higher = [[0.1, 0.2, 0.3], [0.2, 0.3, 0.4]], [[0.7, 0.8, 0.9], [0.8, 0.9, 0.95]]
    found = probability_of_improvement(lower, higher, random=np.random.default_rng(0))
    assert found is not None
    assert (found.value, found.low, found.high, found.all_equal) == (0.0, None, None, True)
    mean = interquartile_mean(lower, random=np.random.default_rng(0))
    assert mean is not None
    assert mean.low is not None
    assert not mean.all_equal
