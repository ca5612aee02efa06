"""The calibrated interval and test: known cases, edges, and a reduced simulation of what ``make calibrate`` measures in full."""

from dataclasses import replace

import numpy as np
import pytest
from benchmarks.calibration.groups import group_rates
from benchmarks.calibration.simulation import Cell, Outcome, Population, simulate
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hrmlab.statistics.calibrated import detectable, difference, level, paired_difference
from hrmlab.statistics.groups import two_groups
from hrmlab.statistics.intervals import Estimate, wilson_interval
from hrmlab.statistics.samples import Kind, Sample, from_levels, from_outcomes, outcome_ends


def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def sample(shares: list[float], *, examples: int = 400, seed: int = 0) -> Sample:
    random = np.random.default_rng(seed)
    found = from_outcomes([random.random(examples) < share for share in shares], same_examples=True, kind="share")
    assert found is not None
    return found


def ends(estimate: Estimate) -> tuple[float, float]:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low, estimate.high


def test_numbers_of_seeds_alone_have_students_interval() -> None:
    values = [1.2, 1.5, 1.1, 1.9]
    found = from_levels(values, kind="number")
    assert found is not None
    expected = stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values))
    assert ends(level(found, random=generator())) == pytest.approx(expected, abs=0.03)
    assert level(found, random=generator()).basis == "seeds"


def test_nothing_solved_leaves_room_for_what_was_not_seen() -> None:
    """Three seeds of 0 of 39: Wilson of all 117 answers ends at 3.2 %, of 39 at 9.0 %; the examples are the same, so in between."""
    none = from_outcomes([np.zeros(39, dtype=bool)] * 3, same_examples=True, kind="share")
    assert none is not None
    low, high = ends(level(none, random=generator()))
    assert low == 0.0
    assert 0.0318 <= high <= 0.0897
    assert difference(none, none, random=generator()).p_value == pytest.approx(1.0, abs=0.05)


def test_graded_answers_that_hardly_differ_leave_little_room() -> None:
    random = np.random.default_rng(4)
    graded = [0.97 + 0.02 * random.standard_normal(20).clip(-2, 1.4) for _ in range(5)]
    arm, other = (from_outcomes([each - less for each in graded], same_examples=True, kind="share") for less in (0.0, 0.01))
    assert arm is not None
    assert other is not None
    low, high = ends(level(arm, random=random))
    assert 0.93 < low < 0.97 < high < 0.995
    equivalence = difference(arm, other, random=random, margin=0.05).equivalence
    assert equivalence is not None
    assert equivalence < 0.01


def test_right_and_wrong_answers_have_the_ends_0_and_1_also_where_all_are_alike() -> None:
    cases: tuple[tuple[list[np.ndarray], Kind, tuple[float, float]], ...] = (
        ([np.array([0.0, 1.0, 1.0])], "share", (0.0, 1.0)),
        ([np.ones(3)], "share", (0.0, 1.0)),
        ([np.array([0.25, 0.5]), np.array([0.75, 0.5])], "share", (0.25, 0.75)),
        ([np.array([0.0, 1.0])], "difference of shares", (-1.0, 1.0)),
        ([np.array([-0.25, 0.5])], "difference of shares", (-0.5, 0.5)),
        ([np.zeros(2)], "difference of shares", (-1.0, 1.0)),
    )
    for outcomes, kind, expected in cases:
        assert outcome_ends(outcomes, kind=kind) == expected


def test_what_a_study_can_see_grows_with_the_comparisons_that_are_corrected_together() -> None:
    found = Estimate(value=0.1, low=-0.1, high=0.3, count=5, freedom=1e6, basis="seeds")
    alone, together = (detectable(found, comparisons=number) for number in (1, 10))
    assert alone == pytest.approx(0.2 * (1.95996 + 0.84162) / 1.95996, rel=1e-4)
    assert together == pytest.approx(0.2 * (2.80703 + 0.84162) / 1.95996, rel=1e-4)
    assert detectable(replace(found, low=None)) is None


def test_two_seeds_far_apart_stay_within_what_is_possible() -> None:
    wide, narrow = sample([0.2, 0.55]), sample([0.4, 0.41], seed=1)
    low, high = ends(difference(wide, narrow, random=generator()).estimate)
    assert -1 <= low < high <= 1
    numbers = from_levels([3.0, 9.0], kind="number")
    assert numbers is not None
    assert level(numbers, random=generator()).low is None


def test_one_seed_speaks_of_examples_alone() -> None:
    one = sample([0.3])
    found, expected = level(one, random=generator()), wilson_interval(round(400 * one.value), 400)
    assert expected is not None
    assert ends(found) == pytest.approx(ends(expected))
    assert found.basis == "examples"
    assert difference(one, one, random=generator()).p_value is None


def test_pairing_by_example_makes_differences_sharper() -> None:
    random = np.random.default_rng(3)
    difficulty = random.normal(0, 2, 300)
    ours, theirs = ([random.normal(0, 1, 300) + shift > difficulty for _ in range(5)] for shift in (0.6, 0.2))
    paired = [from_outcomes(each, same_examples=True, kind="share") for each in (ours, theirs)]
    assert paired[0] is not None
    assert paired[1] is not None
    order = random.permutation(300)
    shuffled = from_outcomes([each[order] for each in theirs], same_examples=True, kind="share")
    assert shuffled is not None
    sharp = ends(difference(paired[0], paired[1], random=generator()).estimate)
    blunt = ends(difference(paired[0], shuffled, random=generator()).estimate)
    assert sharp[1] - sharp[0] < 0.8 * (blunt[1] - blunt[0])


def test_equivalence_needs_an_interval_within_the_margin() -> None:
    alike = difference(sample([0.5] * 10, examples=4000), sample([0.5] * 10, examples=4000, seed=2), random=generator(), margin=0.05)
    apart = difference(sample([0.5] * 10, examples=4000), sample([0.8] * 10, examples=4000, seed=2), random=generator(), margin=0.05)
    assert alike.equivalence is not None
    assert apart.equivalence is not None
    assert apart.p_value is not None
    assert alike.equivalence < 0.01
    assert apart.equivalence > 0.99
    assert apart.p_value < 0.001


def test_differences_of_seeds_that_belong_together() -> None:
    differences = [np.array([0.0, 1.0, 1.0, -1.0] * 50), np.array([0.0, 1.0, 0.0, 0.0] * 50), np.array([1.0, 1.0, 0.0, -1.0] * 50)]
    found = from_outcomes(differences, same_examples=True, kind="difference of shares")
    assert found is not None
    result = paired_difference(found, random=generator())
    assert result.estimate.value == pytest.approx(0.25)
    assert ends(result.estimate)[0] < 0.25 < ends(result.estimate)[1]


@settings(max_examples=25, deadline=None)
@given(
    shares=st.lists(st.floats(0, 1), min_size=2, max_size=6),
    examples=st.integers(5, 200),
    same=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_an_interval_holds_its_value_and_stays_in_range(shares: list[float], examples: int, same: bool, seed: int) -> None:
    random = np.random.default_rng(seed)
    found = from_outcomes([random.random(examples) < share for share in shares], same_examples=same, kind="share")
    assert found is not None
    estimate = level(found, random=generator(), draws=500)
    if estimate.groups is None:
        low, high = ends(estimate)
        pooled = wilson_interval(round(found.value * found.answers), found.answers)
        assert pooled is not None
        assert 0 <= low <= found.value <= high <= 1
        assert low <= ends(pooled)[0] + 1e-9
        assert high >= ends(pooled)[1] - 1e-9
    else:
        assert two_groups(found.levels) is not None


@pytest.mark.slow
def test_coverage_and_false_positives_of_a_reduced_simulation() -> None:
    """Six cells of the grid of docs/calibration.md, 150 studies each; limits are four standard errors beyond what is promised."""
    found: list[Outcome] = []
    settings = [(0.5, 0.05, 3), (0.2, 0.15, 5), (0.05, 0.01, 10), (0.8, 0.05, 5), (0.5, 0.15, 10), (0.995, 0.004, 3)]
    for number, (accuracy, spread, seeds) in enumerate(settings):
        one = Population(accuracy=accuracy, spread=spread, difficulty=1.5, shape="probit")
        other = Population(accuracy=accuracy, spread=spread / 2, difficulty=1.5, shape="probit")
        cell = Cell(one=one, other=other, seeds=seeds, examples=300)
        found.append(simulate(cell, repetitions=150, random=np.random.default_rng(number)))
    covered = sum(each.level_covers for each in found) / sum(each.levels for each in found)
    claims = sum(each.claims for each in found) / sum(each.repetitions for each in found)
    before = sum(each.bootstrap_claims for each in found) / sum(each.repetitions for each in found)
    assert 0.93 - 0.03 <= covered <= 0.97 + 0.023
    assert claims <= 0.06 + 0.03
    assert before > claims
    assert all(each.level_covers >= 0.88 * each.levels for each in found)


def test_coverage_and_false_positives_of_graded_answers() -> None:
    """Answers of 30 tokens each; with the ends 0 and 1 every interval would cover everything and be several times as wide."""
    found: list[Outcome] = []
    for number, (accuracy, spread, examples) in enumerate([(0.9, 0.02, 100), (0.97, 0.01, 20)]):
        one = Population(accuracy=accuracy, spread=spread, difficulty=0.7, shape="probit", tokens=30)
        cell = Cell(one=one, other=one, seeds=5, examples=examples)
        found.append(simulate(cell, repetitions=150, random=np.random.default_rng(number)))
    assert all(0.88 * each.levels <= each.level_covers for each in found)
    assert sum(each.claims for each in found) <= 0.06 * 300 + 4 * (0.06 * 0.94 * 300) ** 0.5
    assert np.mean(found[1].widths) < 0.08


def test_two_groups_are_seen_and_one_is_not() -> None:
    groups = two_groups([0.03, 0.92, 0.9, 0.05])
    assert groups is not None
    assert (groups.lower, groups.upper) == (2, 2)
    assert two_groups([0.4, 0.5, 0.7]) is None
    assert two_groups([0.0, 1.0]) is None
    rates = group_rates(5, repetitions=100, random=generator())
    assert rates.hits > 0.9
    assert rates.false_alarms < 0.12


def test_what_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        from_outcomes([np.array([0.1, np.nan])], same_examples=True, kind="number")
    with pytest.raises(ValueError, match="differ in their number"):
        from_outcomes([np.zeros(3), np.zeros(4)], same_examples=True, kind="share")
    assert from_outcomes([], same_examples=True, kind="share") is None
