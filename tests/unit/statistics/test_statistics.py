"""Statistics against SciPy, published values and simulated coverage."""

import numpy as np
import pytest
from scipy import stats

from hrmlab.statistics.correction import holm
from hrmlab.statistics.intervals import mean_interval, wilson_interval
from hrmlab.statistics.paired import bootstrap_difference, mcnemar, paired_difference


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
    assert paired_difference({0: 1.0}, {1: 1.0}) is None
    single = paired_difference({0: 0.9}, {0: 0.4})
    assert single is not None
    assert (single.estimate.low, single.p_value) == (None, None)
    assert bootstrap_difference([], [], same_examples=True, random=np.random.default_rng(0)) is None
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


def test_paired_difference_is_scipys_paired_t_test_on_common_seeds() -> None:
    ours, theirs = {0: 0.8, 1: 0.85, 2: 0.7, 9: 0.1}, {2: 0.6, 1: 0.8, 0: 0.78, 5: 0.9}
    found = paired_difference(ours, theirs)
    assert found is not None
    reference = stats.ttest_rel([0.8, 0.85, 0.7], [0.78, 0.8, 0.6])
    interval = reference.confidence_interval()
    assert found.seeds == (0, 1, 2)
    assert found.p_value == pytest.approx(reference.pvalue)
    assert (found.estimate.low, found.estimate.high) == pytest.approx((interval.low, interval.high))


def test_equal_differences_in_all_seeds_are_not_certainty() -> None:
    ours, theirs = dict.fromkeys(range(3), 1.0), dict.fromkeys(range(3), 0.99)
    exact = paired_difference(ours, theirs)
    rounded = paired_difference(ours, theirs, resolution=0.01)
    assert exact is not None
    assert rounded is not None
    assert rounded.p_value is not None
    assert 0.01 < rounded.p_value < 0.05
    assert rounded.estimate.low is not None
    assert rounded.estimate.low < 0.01
    same = paired_difference(ours, ours)
    assert same is not None
    assert (same.estimate.value, same.p_value) == (0.0, 1.0)


def test_mcnemar_against_the_binomial_distribution() -> None:
    ours = np.array([True] * 15 + [False] * 5 + [True] * 30)
    theirs = np.array([False] * 15 + [True] * 5 + [True] * 30)
    found = mcnemar(ours, theirs)
    assert (found.only_arm, found.only_baseline) == (15, 5)
    assert found.p_value == pytest.approx(0.04138946533203125)  # 2 * P(X <= 5), X ~ Binomial(20, 1/2)
    assert mcnemar(ours, ours).p_value == 1.0
    with pytest.raises(ValueError, match="cannot be paired"):
        mcnemar(ours, theirs[:-1])


def test_holm_reproduces_the_step_down_procedure() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, None, 0.7]) == [1.0, None, 1.0]
    assert holm([]) == []


def test_bootstrap_with_one_seed_is_scipys_bootstrap_of_the_mean() -> None:
    random = np.random.default_rng(1)
    ours, theirs = random.random(300) < 0.7, random.random(300) < 0.6
    found = bootstrap_difference([ours], [theirs], same_examples=True, random=np.random.default_rng(2), resamples=20_000)
    differences = ours.astype(float) - theirs
    reference = stats.bootstrap(
        (differences,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(3)
    ).confidence_interval
    assert found is not None
    assert found.value == pytest.approx(differences.mean())
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high), abs=0.006)


def test_bootstrap_is_reproducible_and_checks_its_input() -> None:
    outcomes = [np.random.default_rng(seed).random(50) < 0.5 for seed in range(4)]
    first = bootstrap_difference(outcomes[:2], outcomes[2:], same_examples=True, random=np.random.default_rng(5))
    second = bootstrap_difference(outcomes[:2], outcomes[2:], same_examples=True, random=np.random.default_rng(5))
    assert first == second
    with pytest.raises(ValueError, match="cannot be paired"):
        bootstrap_difference(outcomes[:1], outcomes[:2], same_examples=True, random=np.random.default_rng(5))
    with pytest.raises(ValueError, match="differ in their number"):
        bootstrap_difference(
            [outcomes[0], outcomes[1][:9]], [outcomes[2], outcomes[3][:9]], same_examples=True, random=np.random.default_rng(5)
        )
    ragged = bootstrap_difference(
        [outcomes[0], outcomes[1][:9]], [outcomes[2], outcomes[3][:9]], same_examples=False, random=np.random.default_rng(5)
    )
    assert ragged is not None
    assert ragged.seeds == 2


def test_shared_examples_widen_the_interval() -> None:
    """An example's difficulty common to all seeds does not average out over seeds."""
    shared = np.random.default_rng(0).random(200) < 0.3
    ours, theirs = [shared] * 5, [np.zeros(200, dtype=bool)] * 5
    crossed = bootstrap_difference(ours, theirs, same_examples=True, random=np.random.default_rng(1))
    nested = bootstrap_difference(ours, theirs, same_examples=False, random=np.random.default_rng(1))
    assert crossed is not None
    assert nested is not None
    assert (crossed.high - crossed.low) > 1.5 * (nested.high - nested.low)


def test_outcomes_that_never_differ_are_not_certainty() -> None:
    """None of 30 differs: the exact two-sided 95 % limit of a share is the Clopper-Pearson one."""
    none = np.zeros(30, dtype=bool)
    found = bootstrap_difference([none, none], [none, none], same_examples=True, random=np.random.default_rng(0))
    limit = stats.binomtest(0, 30).proportion_ci(method="exact").high
    assert found is not None
    assert (found.value, found.low, found.high, found.p_value) == pytest.approx((0.0, -limit, limit, 1.0))


def test_measured_outcomes_are_drawn_as_they_are() -> None:
    random = np.random.default_rng(3)
    ours, theirs = random.normal(1.4, 0.3, 500), random.normal(1.3, 0.3, 500)
    found = bootstrap_difference([ours], [theirs], same_examples=True, random=np.random.default_rng(2), resamples=20_000)
    half = 1.96 * (ours - theirs).std() / np.sqrt(500)
    assert found is not None
    assert found.value == pytest.approx((ours - theirs).mean())
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half), abs=0.003)
    equal = bootstrap_difference([2 * ours], [2 * ours], same_examples=True, random=np.random.default_rng(2))
    assert equal is not None
    assert equal.high == pytest.approx((1 - 0.025 ** (1 / 500)) * 2 * (ours.max() - ours.min()))
    with pytest.raises(ValueError, match="not finite"):
        bootstrap_difference([np.array([1.0, np.nan])], [np.zeros(2)], same_examples=True, random=np.random.default_rng(2))


def test_many_patterns_and_few_agree() -> None:
    """The normal limit that is drawn from when patterns are many gives the multinomial's interval."""
    random = np.random.default_rng(4)
    ours, theirs = [random.random(600) < 0.6 for _ in range(6)], [random.random(600) < 0.55 for _ in range(6)]
    fast = bootstrap_difference(ours, theirs, same_examples=True, random=np.random.default_rng(1))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("hrmlab.statistics.paired._MOST_PATTERNS", 10_000)
        slow = bootstrap_difference(ours, theirs, same_examples=True, random=np.random.default_rng(1))
    assert fast is not None
    assert slow is not None
    assert (fast.low, fast.high) == pytest.approx((slow.low, slow.high), abs=0.003)


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


def test_false_claims_under_no_difference_are_rare() -> None:
    """Two equal recipes, 5 seeds, shared test examples: the larger of both p values is below 0.05 in at most about 5 % of studies."""
    random = np.random.default_rng(12)
    claims = 0
    for _ in range(300):
        difficulty = random.normal(0, 1, 200)
        outcomes = [random.normal(0, 0.3) + random.normal(0, 1, 200) > difficulty for _ in range(10)]
        ours, theirs = outcomes[:5], outcomes[5:]
        over_seeds = paired_difference(
            {i: o.mean() for i, o in enumerate(ours)}, {i: o.mean() for i, o in enumerate(theirs)}, resolution=1 / 200
        )
        examples = bootstrap_difference(ours, theirs, same_examples=True, random=random, resamples=500)
        assert over_seeds is not None
        assert over_seeds.p_value is not None
        assert examples is not None
        claims += max(over_seeds.p_value, examples.p_value) < 0.05
    assert claims / 300 <= 0.08
