"""Which examples a draw may take: the easiest first, each in proportion to its weight, and the plain order where neither is asked for."""

import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hrmlab.core.errors import UserError
from hrmlab.data.example_set import ExampleSet, make_set
from hrmlab.data.selection import Curriculum
from hrmlab.data.training_stream import TrainingStream, order_hash

HALF = Curriculum(steps=100, share=0.5, start=0.2)
ratings = st.lists(st.integers(0, 5), min_size=2, max_size=40)
weights = st.lists(st.floats(0.01, 100), min_size=2, max_size=30)
shares = st.floats(0.01, 0.99)


def numbered(
    count: int, *, ratings: list[int] | None = None, weights: list[float] | None = None, groups: list[int] | None = None
) -> ExampleSet:
    """A set whose inputs tell the row."""
    rows = np.arange(count, dtype=np.int32)[:, None]
    rated, weighed, grouped = (None if value is None else np.array(value) for value in (ratings, weights, groups))
    return make_set(inputs=rows, labels=rows, classes=rows[:, 0], ratings=rated, weights=weighed, groups=grouped)


def stream(examples: ExampleSet, curriculum: Curriculum | None = None, *, seed: int = 3, **place: Any) -> TrainingStream:
    return TrainingStream(examples=examples, augmentation=None, seed=seed, device=torch.device("cpu"), curriculum=curriculum, **place)


def drawn(source: TrainingStream, count: int, *, step: int = 0, at_once: int = 1) -> list[int]:
    """So many rows in the order drawn, all of them at one step."""
    empty, wanted = source.empty_batch(at_once), torch.ones(at_once, dtype=torch.bool)
    return torch.cat([source.draw(wanted, empty, step=step).inputs[:, 0] for _ in range(count // at_once)]).tolist()


@given(units=st.integers(1, 5000), steps=st.integers(1, 2000), share=shares, start=st.floats(0.001, 1))
@settings(max_examples=60, deadline=None)
def test_the_part_grows_in_a_line_from_its_start_to_all(units: int, steps: int, share: float, start: float) -> None:
    curriculum = Curriculum(steps=steps, share=share, start=start)
    counts = np.array([curriculum.count(step, units) for step in range(steps + 1)])
    assert counts[0] == max(1, round(units * start))
    assert (np.diff(counts) >= 0).all()
    done = np.minimum(1, np.arange(steps + 1) / (share * steps))
    assert (np.abs(counts - units * (start + (1 - start) * done)) <= 1).all()
    assert (counts[np.arange(steps + 1) >= share * steps] == units).all()


@given(ratings=ratings, step=st.integers(0, 49), seed=st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_a_step_draws_from_the_easiest_alone_and_from_each_of_them_equally_often(ratings: list[int], step: int, seed: int) -> None:
    units = len(ratings)
    count = HALF.count(step, units)
    rows = np.array(drawn(stream(numbered(units, ratings=ratings), HALF, seed=seed), 3 * units, step=step, at_once=units))
    easiest = np.argsort(ratings, kind="stable")[:count]
    assert set(rows.tolist()) <= set(easiest.tolist())
    for epoch in rows.reshape(3, units):
        assert (np.abs(np.bincount(epoch, minlength=units)[easiest] - units / count) < 2).all()


@pytest.mark.slow
@given(ratings=ratings, weighed=st.booleans(), step=st.integers(50, 100))
@settings(max_examples=40, deadline=None)
def test_afterwards_the_draws_are_those_without_a_curriculum(ratings: list[int], weighed: bool, step: int) -> None:
    examples = numbered(len(ratings), ratings=ratings, weights=[1.0 + row for row in range(len(ratings))] if weighed else None)
    assert drawn(stream(examples, HALF), 50, step=step, at_once=10) == drawn(stream(examples), 50, step=step, at_once=10)


@given(weights=weights, seed=st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_an_epoch_draws_each_row_within_two_of_its_share(weights: list[float], seed: int) -> None:
    units, epochs = len(weights), 4
    rows = np.array(drawn(stream(numbered(units, weights=weights), seed=seed), epochs * units, at_once=units)).reshape(epochs, units)
    expected = units * np.array(weights) / sum(weights)
    for epoch in rows:
        assert (np.abs(np.bincount(epoch, minlength=units) - expected) < 2 + 1e-9).all()


def test_over_many_epochs_draws_are_in_proportion_to_weights() -> None:
    weights = [0.1, 0.2, 0.4, 1.3, 3.0, 5.0, 1e-300]
    found = np.bincount(drawn(stream(numbered(7, weights=weights)), 14_000, at_once=1000), minlength=7) / 14_000
    np.testing.assert_allclose(found, np.array(weights) / sum(weights), atol=0.004)
    # Among the three easiest, the last ones here, their weights decide.
    examples = numbered(7, weights=weights, ratings=[7, 6, 5, 4, 3, 2, 1])
    easy = Curriculum(steps=10, share=0.5, start=3 / 7)
    found = np.bincount(drawn(stream(examples, easy), 14_000, at_once=1000), minlength=7) / 14_000
    np.testing.assert_allclose(found, [0, 0, 0, 0, 3 / 8, 5 / 8, 0], atol=0.004)


def test_weights_that_are_all_the_same_and_ratings_alone_change_nothing() -> None:
    plain = numbered(11)
    same = numbered(11, weights=[2.5] * 11, ratings=list(range(11)))
    assert drawn(stream(same), 60) == drawn(stream(plain), 60)
    # As they were before there were curricula and weights: older data.json files hold these.
    assert order_hash(1, plain) == order_hash(1, same) == "df52d7bd5ebbc8f6"
    assert order_hash(1, numbered(11, groups=[4, 4, 4, 7, 7, -1, -1, 2, 2, -1, 5])) == "3f07eed9d5b00658"


def test_the_order_hash_tells_curricula_and_weights_apart() -> None:
    examples, count = numbered(6, ratings=[3, 1, 2, 5, 4, 6]), 6
    curricula = [None, HALF, Curriculum(steps=100, share=0.5, start=0.3), Curriculum(steps=200, share=0.5, start=0.2)]
    hashes = [order_hash(1, examples, curriculum) for curriculum in curricula]
    hashes += [order_hash(1, numbered(count, weights=[1.0] * 5 + [last])) for last in (2.0, 3.0)]
    assert len(set(hashes)) == len(hashes)
    assert order_hash(1, examples, HALF) == hashes[1]


@pytest.mark.slow
@given(before=st.integers(1, 40), step=st.integers(0, 60), world_size=st.sampled_from([1, 2, 3]))
@settings(max_examples=40, deadline=None)
def test_processes_and_resumed_runs_draw_what_one_would(before: int, step: int, world_size: int) -> None:
    examples = numbered(13, ratings=[row * 5 % 13 for row in range(13)], weights=[1.0 + row % 3 for row in range(13)])
    alone = drawn(stream(examples, HALF), world_size * (before + 30), step=step, at_once=world_size)
    parts = []
    for rank in range(world_size):
        place = {"rank": rank, "world_size": world_size, "wanted_by_all": lambda count: count.repeat(world_size)}
        first, second = (stream(examples, HALF, **place) for _ in range(2))
        drawn(first, before, step=step, at_once=before)
        second.load_state_dict(first.state_dict())
        parts.append(drawn(second, 30, step=step, at_once=10))
    together = np.array(parts).reshape(world_size, 3, 10)  # each batch of ten beside those of the other processes
    assert together.swapaxes(0, 1).ravel().tolist() == alone[world_size * before :]


def test_the_seed_decides() -> None:
    examples = numbered(13, ratings=list(range(13)), weights=[1.0 + row % 3 for row in range(13)])
    one, again, other = (drawn(stream(examples, HALF, seed=seed), 60, at_once=60) for seed in (3, 3, 4))
    assert one == again != other


def test_groups_are_as_easy_as_their_mean_and_members_are_drawn_by_weight() -> None:
    groups, ratings = [5, 5, 5, 8, 8, -1], [1, 9, 8, 2, 3, 4]
    examples = numbered(6, groups=groups, ratings=ratings, weights=[1, 1, 2, 3, 1, 2])
    easiest = Curriculum(steps=10, share=0.5, start=1 / 3)
    assert set(drawn(stream(examples, easiest), 100)) == {3, 4}
    found = np.bincount(drawn(stream(examples), 12_000, at_once=1000), minlength=6) / 12_000
    # A group as often as its mean weight says (4/3, 2, 2), and in it each row in proportion.
    expected = np.array([4 / 3 / 4, 4 / 3 / 4, 4 / 3 / 2, 2 * 3 / 4, 2 / 4, 2]) / (4 / 3 + 4)
    np.testing.assert_allclose(found, expected, atol=0.015)


@pytest.mark.parametrize(
    ("ratings", "words"),
    [
        (None, "data=mine gives none; choose data with ratings"),
        ([1, np.nan, 3, np.nan], "of data=mine 2 of 4 have none; rate those rows or leave them out"),
        ([2, 2, 2, 2], "of data=mine all 4 have the rating 2; choose data whose ratings differ"),
    ],
)
def test_examples_that_difficulty_does_not_tell_apart_are_refused(ratings: list[int] | None, words: str) -> None:
    with pytest.raises(UserError, match=re.escape(words)) as caught:
        HALF.check(numbered(4, ratings=ratings), data="mine")
    assert str(caught.value).startswith("training.curriculum_share=0.5 orders the training examples by their ratings")
    assert str(caught.value).endswith("or training.curriculum_share=0 draws from all of them")
    HALF.check(numbered(4, ratings=[2, 2, 2, 3]), data="mine")
