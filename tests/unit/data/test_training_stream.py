"""The training stream: every example once an epoch, none thrown away, the same for every arm."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hrmlab.core.batches import Batch
from hrmlab.core.randomness import CounterRandom
from hrmlab.data.example_set import ExampleSet, make_set
from hrmlab.data.loading import EvaluationLoader
from hrmlab.data.task import Augmentation
from hrmlab.data.training_stream import TrainingStream, order_hash

CPU = torch.device("cpu")


def numbered(count: int) -> ExampleSet:
    """A set whose inputs tell the row."""
    rows = np.arange(count, dtype=np.int32)[:, None].repeat(3, axis=1)
    return make_set(inputs=rows, labels=rows, classes=np.arange(count))


class Tagging(Augmentation):
    """Shows which random number an example got: labels become it."""

    def to(self, device: torch.device | str) -> "Tagging":
        return self

    def __call__(self, batch: Batch, rows: torch.Tensor, random: CounterRandom) -> Batch:
        return batch._replace(labels=random.integers("tag", 1_000_000, 3), puzzle_ids=rows + 1000)


def drawn(stream: TrainingStream, patterns: list[list[bool]]) -> list[tuple[int, int]]:
    """(row, tag) of every example in the order drawn, for a sequence of slot patterns."""
    seen = []
    batch = stream.empty_batch(len(patterns[0]))
    for pattern in patterns:
        wanted = torch.tensor(pattern)
        new = stream.draw(wanted, batch, step=0)
        assert torch.equal(new.inputs[~wanted], batch.inputs[~wanted])
        assert torch.equal(new.labels[~wanted], batch.labels[~wanted])
        seen += [(int(row), int(tag)) for row, tag in zip(new.inputs[wanted][:, 0], new.labels[wanted][:, 0], strict=True)]
        batch = new
    return seen


def stream(count: int = 11, seed: int = 3, **place: Any) -> TrainingStream:
    return TrainingStream(examples=numbered(count), augmentation=Tagging(), seed=seed, device=CPU, **place)


patterns = st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=1, max_size=40)


@given(slots=patterns)
@settings(max_examples=40, deadline=None)
def test_draws_do_not_depend_on_which_slots_ask_when(slots: list[list[bool]]) -> None:
    seen = drawn(stream(), slots)
    assert seen == drawn(stream(), [[True]] * len(seen) if seen else [[False]])


def test_every_epoch_holds_every_row_once_in_a_new_order() -> None:
    rows = [row for row, _ in drawn(stream(), [[True] * 4] * 11)]
    epochs = [rows[start : start + 11] for start in range(0, 44, 11)]
    assert all(sorted(epoch) == list(range(11)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4


@pytest.mark.slow
def test_long_runs_cross_the_prepared_order_without_a_gap() -> None:
    rows = [row for row, _ in drawn(stream(count=5), [[True] * 4] * 2000)]
    assert all(sorted(rows[start : start + 5]) == list(range(5)) for start in range(0, 8000, 5))


@given(before=patterns, after=patterns)
@settings(max_examples=20, deadline=None)
def test_resume_needs_the_position_only(before: list[list[bool]], after: list[list[bool]]) -> None:
    straight, first, second = stream(), stream(), stream()
    drawn(first, before)
    second.load_state_dict(first.state_dict())
    assert drawn(straight, before + after)[sum(map(sum, before)) :] == drawn(second, after)


@given(slots=patterns, world_size=st.sampled_from([2, 4]))
@settings(max_examples=40, deadline=None)
def test_processes_together_draw_what_one_process_draws(slots: list[list[bool]], world_size: int) -> None:
    size, counts = 4 // world_size, torch.zeros(world_size, dtype=torch.int64)
    places = range(world_size)
    parts = [stream(rank=rank, world_size=world_size, wanted_by_all=lambda count: counts) for rank in places]
    alone, whole = stream(), stream().empty_batch(4)
    batches = [part.empty_batch(size) for part in parts]
    for pattern in slots:
        shares = torch.tensor(pattern).split(size)
        counts[:] = torch.stack([share.sum() for share in shares])
        whole = alone.draw(torch.tensor(pattern), whole, step=0)
        batches = [part.draw(share, batch, step=0) for part, share, batch in zip(parts, shares, batches, strict=True)]
        for field in Batch._fields:
            assert torch.equal(torch.cat([getattr(batch, field) for batch in batches]), getattr(whole, field))
    assert {int(part.position) for part in parts} == {sum(map(sum, slots))}


def test_order_depends_on_the_seed_and_hash_tells() -> None:
    assert order_hash(1, numbered(11)) != order_hash(2, numbered(11))
    assert order_hash(1, numbered(11)) == order_hash(1, numbered(11))
    assert drawn(stream(seed=1), [[True] * 4] * 3) != drawn(stream(seed=2), [[True] * 4] * 3)


def test_grouped_rows_are_drawn_one_of_each_group_an_epoch_and_every_member_in_time() -> None:
    groups = np.array([4, 4, 4, 7, 7, -1, -1])
    examples = make_set(inputs=numbered(7).inputs, labels=numbered(7).labels, classes=np.arange(7), groups=groups)
    grouped = TrainingStream(examples=examples, augmentation=Tagging(), seed=3, device=CPU)
    rows = np.array([row for row, _ in drawn(grouped, [[True] * 4] * 100)]).reshape(100, 4)
    unit = np.array([0, 0, 0, 1, 1, 2, 3])
    assert (np.sort(unit[rows], axis=1) == np.arange(4)).all()
    assert set(rows.ravel().tolist()) == set(range(7))
    assert order_hash(3, examples) != order_hash(3, numbered(7))


def test_an_augmentation_may_change_puzzle_ids() -> None:
    source = stream()
    batch = source.draw(torch.tensor([True] * 4), source.empty_batch(4), step=0)
    assert torch.equal(batch.puzzle_ids, batch.inputs[:, 0] + 1000)


@pytest.mark.parametrize(("count", "batch_size", "world_size"), [(10, 4, 1), (10, 4, 3), (3, 8, 2), (1, 5, 4), (12, 4, 1)])
def test_evaluation_counts_every_row_exactly_once_in_equal_batches(count: int, batch_size: int, world_size: int) -> None:
    seen: list[int] = []
    for rank in range(world_size):
        loader = EvaluationLoader(numbered(count), batch_size=batch_size, rank=rank, world_size=world_size)
        batches = list(loader)
        assert len(batches) == len(loader)
        assert len({len(batch.rows) for batch in batches}) <= 1
        for batch in batches:
            assert isinstance(batch.examples, Batch)
            kept = batch.rows >= 0
            assert torch.equal(batch.examples.inputs[kept][:, 0], batch.rows[kept])
            seen += batch.rows[kept].tolist()
    assert sorted(seen) == list(range(count))
