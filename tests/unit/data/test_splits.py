from typing import Any

import numpy as np
import pytest

from hrmlab.core.components import call
from hrmlab.core.errors import UserError
from hrmlab.data.example_set import ExampleSet, Splits, make_set
from hrmlab.data.maze.task import MazeTask
from hrmlab.data.splitting import split_pool
from hrmlab.data.sudoku.task import SudokuTask


def assert_disjoint(splits: Splits) -> None:
    sets = [splits.train, splits.validation, splits.test]
    for i in range(3):
        for j in range(i):
            assert not np.isin(sets[i].classes, sets[j].classes).any()


SMALL: dict[str, Any] = {"train_examples": 60, "validation_examples": 20, "test_examples": 30}


@pytest.mark.parametrize(
    "task",
    [
        call(SudokuTask, side=4, **SMALL),
        call(SudokuTask, side=4, difficulty="easy", **SMALL),
        call(SudokuTask, side=6, difficulty="hard", **SMALL),
        call(SudokuTask, side=9, difficulty="medium", **SMALL),
        call(MazeTask, side=6, **SMALL),
        call(MazeTask, side=12, difficulty="hard", **SMALL),
        call(MazeTask, side=30, **SMALL),
    ],
    ids=lambda task: task.spec.name,
)
def test_generated_splits_are_disjoint_complete_and_repeatable(task, monkeypatch, tmp_path):
    splits = task.load(progress=False)
    assert [len(splits.train), len(splits.validation), len(splits.test)] == [60, 20, 30]
    assert_disjoint(splits)
    for part in (splits.train, splits.validation, splits.test):
        assert part.inputs.dtype == part.labels.dtype == part.puzzle_ids.dtype == np.int32
        assert part.ratings.dtype == np.float32
        assert part.classes.dtype == np.uint64
        assert part.inputs.shape == part.labels.shape == (len(part), task.spec.sequence_length)
        assert part.inputs.min() >= 1
        assert part.labels.max() < task.spec.vocabulary_size
        assert all(scores.all() for scores in task.score(part.inputs, part.labels, part.labels).values())
        assert not any(scores.any() for scores in task.score(part.inputs, part.labels, part.inputs).values())
        assert len(np.unique(part.classes)) == len(part)
    from_cache = task.load(progress=False)
    monkeypatch.setenv("HRMLAB_CACHE", str(tmp_path))
    again = task.load(progress=False)
    for name in ("train", "validation", "test"):
        assert getattr(splits, name).content_hash() == getattr(from_cache, name).content_hash() == getattr(again, name).content_hash()
    assert splits.train.content_hash() != splits.test.content_hash()


def test_data_seed_and_counts_choose_the_puzzles():
    first = call(SudokuTask, side=4, **SMALL).load()
    other = call(SudokuTask, side=4, seed=1, **SMALL).load()
    more = call(SudokuTask, side=4, train_examples=80, validation_examples=20, test_examples=30).load()
    assert first.test.content_hash() == more.test.content_hash() != other.test.content_hash()
    assert np.array_equal(first.train.inputs, more.train.inputs[:60])


@pytest.mark.slow
def test_too_few_classes_are_reported_with_their_number():
    with pytest.raises(UserError, match=r"only [1-9]\d* distinct puzzles .* data.train_examples=1000 "):
        call(MazeTask, side=4, wall_density=0.0, minimum_path=7, validation_examples=1, test_examples=1).load(progress=False)
    with pytest.raises(UserError, match=r"only 0 distinct puzzles .* data.test_examples=30 .* larger data.side"):
        call(MazeTask, side=5, difficulty="extreme", **SMALL).load(progress=False)


def numbered(classes: list[int]) -> ExampleSet:
    rows = np.arange(len(classes))[:, None]
    return make_set(inputs=rows, labels=rows, classes=np.array(classes))


def wanted(train: int | None = None, validation: int | None = None, test: int | None = None) -> dict[str, int | None]:
    return {"train": train, "validation": validation, "test": test}


def test_one_file_is_split_by_class_the_same_way_whatever_the_order_of_its_rows():
    classes = list(np.random.default_rng(0).integers(0, 300, 1000))
    pool = numbered(classes)
    (train, validation, test), dropped = split_pool(pool=pool, validation=None, test=None, counts=wanted(validation=50, test=80), seed=4)
    assert_disjoint(Splits(train=train, validation=validation, test=test, class_rule="", source=""))
    assert (len(validation), len(test)) == (50, 80)
    assert len(train) + 130 + dropped.get("train", 0) == 1000
    shuffled = pool.select(np.random.default_rng(1).permutation(1000))
    (other_train, _, _), _ = split_pool(pool=shuffled, validation=None, test=None, counts=wanted(validation=50, test=80), seed=4)
    assert set(other_train.classes.tolist()) == set(train.classes.tolist())
    (_, _, other), _ = split_pool(pool=pool, validation=None, test=None, counts=wanted(validation=50, test=80), seed=5)
    assert set(other.classes.tolist()) != set(test.classes.tolist())


def test_given_sets_keep_their_rows_and_the_overlap_is_dropped_and_counted():
    pool, validation, test = numbered([1, 1, 2, 3, 4, 5, 6]), numbered([2, 7, 8]), numbered([1, 8, 9])
    (train, val, tst), dropped = split_pool(pool=pool, validation=validation, test=test, counts=wanted(), seed=0)
    assert tst.classes.tolist() == [1, 8, 9]
    assert val.classes.tolist() == [2, 7]
    assert train.classes.tolist() == [3, 4, 5, 6]
    assert dropped == {"train": 3, "validation": 1}
    (fewer, _, small), _ = split_pool(pool=pool, validation=validation, test=test, counts=wanted(train=2, test=1), seed=0)
    assert len(small) == 1
    assert np.isin(fewer.classes, train.classes).all()
    (more, _, _), _ = split_pool(pool=pool, validation=validation, test=test, counts=wanted(train=3), seed=0)
    assert np.isin(fewer.inputs, more.inputs).all()


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (wanted(train=9), r"data.train_examples=9 is more than the \d rows"),
        (wanted(test=10), "data.test_examples=10 rows cannot be split off from the 10 rows"),
        (wanted(test=5, validation=5), "data.validation_examples=5 rows cannot be split off from the 5 rows"),
    ],
)
def test_more_rows_than_there_are(counts, message):
    with pytest.raises(UserError, match=message):
        split_pool(pool=numbered(list(range(10))), validation=None, test=None, counts=counts, seed=0)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"source": "file"}, "data.source=file needs data.path="),
        ({"source": "hub"}, "data.source=hub needs data.hub_name="),
        ({"path": "x.csv"}, "data.path=x.csv is not used with data.source=generated"),
        ({"source": "hub", "hub_name": "a/b", "test_path": "x.csv"}, "data.test_path=x.csv is not used with data.source=hub"),
    ],
)
@pytest.mark.parametrize("task", [SudokuTask, MazeTask])
def test_values_that_would_be_silently_unused(task, keywords, message):
    with pytest.raises(UserError, match=message):
        call(task, **keywords).load()


@pytest.mark.parametrize(
    ("task", "keywords", "message"),
    [
        (SudokuTask, {"side": 5}, "data.side=5"),
        (SudokuTask, {"train_examples": -1}, "data.train_examples=-1 leaves the train set empty"),
        (SudokuTask, {"source": "web"}, "data.source=web is unknown"),
        (SudokuTask, {"minimum_rating": 5.0, "maximum_rating": 4.0}, "data.minimum_rating=5.0 is above"),
        (SudokuTask, {"source": "file", "path": "x", "difficulty": "hard"}, "data.difficulty=hard is only for generated"),
        (SudokuTask, {"side": 4, "minimum_rating": 1.0}, "data.minimum_rating=1.0 is never reached for data.side=4"),
        (MazeTask, {"side": 31}, "data.side=31 is out of range for mazes; use 4 to 30"),
        (MazeTask, {"wall_density": 0.8}, "data.wall_density=0.8 is out of range"),
        (MazeTask, {"minimum_path": 1}, "data.minimum_path=1 is too short"),
        (MazeTask, {"side": 8, "minimum_path": 9, "maximum_path": 8}, "data.minimum_path=9 is above data.maximum_path=8"),
        (MazeTask, {"side": 4, "minimum_path": 17, "maximum_path": 99}, "data.minimum_path=17 is more than the 16 cells"),
        (MazeTask, {"source": "hub", "hub_name": "x", "difficulty": "hard"}, "data.difficulty=hard is only for generated"),
    ],
)
def test_impossible_parameters(task, keywords, message):
    with pytest.raises(UserError, match=message):
        call(task, **keywords)


def test_a_hub_name_may_stay_when_the_source_is_changed() -> None:
    """Recipes name their hub set; the way out of an unreachable hub is to change data.source alone."""
    task = call(SudokuTask, side=4, source="generated", hub_name="a/b", train_examples=8, validation_examples=2, test_examples=2)
    assert len(task.load(progress=False).train) == 8
