"""Several tasks in one run: rows say whose they are, nothing of one task reaches another, and each is scored as it would be alone."""

from typing import Any

import numpy as np
import pytest
import torch

from hrmlab.core.batches import Batch
from hrmlab.core.errors import UserError
from hrmlab.core.randomness import CounterRandom
from hrmlab.core.task import IGNORED_LABEL
from hrmlab.data.example_set import ExampleSet
from hrmlab.data.mixture.task import MixtureTask
from hrmlab.data.task import Answers
from hrmlab.evaluation.trivial import trivial_scores

FEW: dict[str, Any] = {"train_examples": 20, "validation_examples": 5, "test_examples": 8}
TASKS: list[Any] = [
    {"name": "sudoku", "side": 4, **FEW},
    {"name": "maze", "side": 5, "difficulty": "easy", **FEW},
    {"name": "formal", "length": 10, **FEW},
]
NAMES = ("sudoku_4x4", "maze_5x5_easy", "dyck_10")


@pytest.fixture(scope="module")
def task() -> MixtureTask:
    return MixtureTask(tasks=TASKS)


def own_splits(task: MixtureTask) -> list[Any]:
    return [part.task.load(progress=False) for part in task._parts]


def test_every_task_has_its_marker_and_its_puzzle_ids(task: MixtureTask) -> None:
    assert [part.name for part in task._parts] == list(NAMES)
    assert (task.spec.sequence_length, task.spec.vocabulary_size, task.spec.puzzle_ids) == (1 + 25, 6 + 3, 3)
    splits = task.load(progress=False)
    for name in ("train", "validation", "test"):
        mixed = splits.sets()[name]
        for number, alone in enumerate(own_splits(task)):
            chosen, expected = mixed.select(mixed.puzzle_ids == number), alone.sets()[name]
            length = expected.inputs.shape[1]
            assert (chosen.inputs[:, 0] == 6 + number).all()
            assert (chosen.labels[:, 0] == IGNORED_LABEL).all()
            assert (chosen.inputs[:, 1 : 1 + length] == expected.inputs).all()
            assert (chosen.labels[:, 1 : 1 + length] == expected.labels).all()
            assert (chosen.inputs[:, 1 + length :] == 0).all()
            assert (chosen.labels[:, 1 + length :] == IGNORED_LABEL).all()
    assert list(splits.other_tests) == ["test_longer_dyck_10"]
    classes = [set(part.classes.tolist()) for part in splits.sets().values()]
    assert sum(map(len, classes)) == len(set.union(*classes))
    assert splits.class_rule.startswith("sudoku_4x4: ")


def test_the_same_task_twice_has_two_names_and_shares_no_class() -> None:
    twice = MixtureTask(tasks=[TASKS[2], TASKS[2]])
    assert [part.name for part in twice._parts] == ["dyck_10_1", "dyck_10_2"]
    train = twice.load(progress=False).train
    assert len(np.unique(train.classes)) == len(train) == 40


def test_puzzle_ids_and_groups_of_tasks_do_not_meet(tmp_path: Any) -> None:
    np.savez(tmp_path / "grids.npz", inputs=np.arange(40).reshape(10, 4) % 5, labels=np.ones((10, 4), int), puzzle_ids=np.arange(10) % 3)
    grids = {"name": "custom", "path": str(tmp_path / "grids.npz")}
    mixed = MixtureTask(tasks=[grids, TASKS[2], grids])
    assert mixed.spec.puzzle_ids == 3 + 1 + 3
    train = mixed.load(progress=False).train
    assert set(train.puzzle_ids.tolist()) <= set(range(7))
    assert set(train.puzzle_ids[train.inputs[:, 0] == mixed._parts[2].marker].tolist()) <= {4, 5, 6}
    rows = mixed._parts[0].task.load(progress=False).train
    grouped = ExampleSet(**{**vars(rows), "groups": np.arange(len(rows), dtype=np.int32) // 2})
    joined = mixed._joined([grouped, mixed._parts[1].task.load(progress=False).train, grouped])
    first, second = (set(joined.groups[joined.inputs[:, 0] == mixed._parts[number].marker].tolist()) for number in (0, 2))
    assert not first & second
    assert (joined.groups[joined.inputs[:, 0] == mixed._parts[1].marker] == -1).all()


def test_each_task_is_augmented_as_it_is_alone(task: MixtureTask) -> None:
    train = task.load(progress=False).train
    augmentation = task.augmentation(train)
    assert augmentation is not None
    rows = torch.arange(len(train)).flip(0)
    batch = Batch(*(torch.from_numpy(part).long()[rows] for part in (train.inputs, train.labels, train.puzzle_ids)))
    random = CounterRandom(7, torch.arange(len(rows)))
    drawn = augmentation.to("cpu")(batch, rows, random)
    assert (drawn.puzzle_ids == batch.puzzle_ids).all()
    for number, (part, alone) in enumerate(zip(task._parts, own_splits(task), strict=True)):
        mine = batch.puzzle_ids == number
        own = part.task.augmentation(alone.train)
        length = part.task.spec.sequence_length
        seen = [tensor[mine][:, 1 : 1 + length] for tensor in (drawn.inputs, drawn.labels)]
        own_batch = Batch(batch.inputs[mine][:, 1 : 1 + length], batch.labels[mine][:, 1 : 1 + length], torch.zeros(int(mine.sum())).long())
        if own is not None:
            own_batch = own(own_batch, rows[mine] - 20 * number, CounterRandom(7, torch.arange(len(rows))[mine]))
        assert (seen[0] == own_batch.inputs).all()
        assert (seen[1] == own_batch.labels).all()
        assert (drawn.inputs[mine][:, 0] == part.marker).all()
    assert (drawn.inputs != batch.inputs).any()
    assert MixtureTask(tasks=[TASKS[2]]).augmentation(train) is None


def test_each_task_is_scored_as_it_is_alone(task: MixtureTask) -> None:
    test = task.load(progress=False).test
    order = np.random.default_rng(0).permutation(len(test))
    test = test.select(order)
    right, wrong = np.where(test.labels == IGNORED_LABEL, 4, test.labels), np.full_like(test.labels, 2)
    fixed = np.where((test.puzzle_ids == 0)[:, None], right, wrong)
    fixed[np.flatnonzero(test.puzzle_ids == 2)[:2]] = right[np.flatnonzero(test.puzzle_ids == 2)[:2]]
    measured = task.judge(test, Answers(fixed, right, np.zeros(len(test)))).measured
    assert measured["sudoku_4x4_exact_accuracy"] == measured["sudoku_4x4_breaks_no_rule"] == 1.0
    assert measured["maze_5x5_easy_exact_accuracy"] == measured["maze_5x5_easy_valid_shortest_path"] == 0.0
    assert measured["dyck_10_exact_accuracy"] == 2 / 8
    assert {measured[f"halting/{name}_exact_accuracy"] for name in NAMES} == {1.0}
    declared = {measure.name for measure in task.measures}
    assert {name.removeprefix("halting/") for name in measured} <= declared
    assert [measure.name for measure in task.measures if measure.counts] == ["exact_accuracy"]
    longer = task.load(progress=False).other_tests["test_longer_dyck_10"]
    alone = task.judge(longer, Answers(longer.labels, longer.labels, np.zeros(len(longer)))).measured
    assert set(alone) == {f"{prefix}dyck_10_{name}" for prefix in ("", "halting/") for name in ("exact_accuracy", "cell_accuracy")}


def test_solvers_that_every_task_has_are_scored_per_task(task: MixtureTask) -> None:
    splits = task.load(progress=False)
    found = {entry["name"]: entry for entry in trivial_scores(task, splits)}
    assert set(found) == {"copy the input", "most frequent token", "most frequent token by position"}
    for part, alone in zip(task._parts, own_splits(task), strict=True):
        for entry in trivial_scores(part.task, alone):
            if entry["name"] in found:
                assert found[entry["name"]][f"{part.name}_cell_accuracy"] == pytest.approx(entry["cell_accuracy"], abs=1e-6)


def test_texts_and_files_say_whose_they_are(task: MixtureTask, write_table: Any) -> None:
    row = task.from_text("dyck_10: ([(")
    assert task.to_text(row) == "dyck_10: ([("
    said = np.full_like(row, 5)
    said[4:8] = 3, 5, 3, 1
    assert task.to_text(task.completed(row, said)) == "dyck_10: ([()])$"
    assert task.is_right(row, said) is True
    assert task.is_right(row, np.where(said == 5, 3, said)) is False
    assert task.is_right(task.from_text("sudoku_4x4: " + "1234341221434321"), task.from_text("sudoku_4x4:" + "." * 16)) is False
    assert task.answer_text(row, np.full_like(row, IGNORED_LABEL)) == ""
    rows = task.read(f"dyck_10:{write_table([('([(', ')])')])}")
    assert (rows.inputs[0] == row).all()
    assert rows.puzzle_ids.tolist() == [2]
    assert task.answer_text(rows.inputs[0], rows.labels[0]) == "([()])$"
    for text in ("([(", "dyck: (", ": ("):
        with pytest.raises(
            UserError, match="does not say its task; write NAME:QUESTION where NAME is one of sudoku_4x4, maze_5x5_easy, dyck_10"
        ):
            task.from_text(text)
    with pytest.raises(UserError, match=r"data.path 'a.csv' does not say its task; write NAME:FILE"):
        task.read("a.csv")


@pytest.mark.parametrize(
    ("tasks", "complaint"),
    [
        (None, "data=mixture needs data.tasks="),
        ([], "data=mixture needs data.tasks="),
        (["sudokus"], r"data.tasks\[0\].name=sudokus is no task; did you mean sudoku\?"),
        (["mixture"], r"data.tasks\[0\].name=mixture is no task; use arc, corpus, custom, "),
        ([{"side": 4}], r"data.tasks\[0\] has no name; use arc, corpus, custom, "),
        (["formal", {"name": "sudoku", "sid": 4}], r"data.tasks\[1\]: data.sid is not a known key; did you mean data.side\?"),
        ([{"name": "sudoku", "side": 5}], r"data.tasks\[0\]: data.side=5"),
        (["sudoku", {"name": "formal", "attention": "causal"}], "one kind of attention; sudoku_9x9 has full, dyck_24 causal"),
        ([{"name": "formal", "attention": "causal", "next_token": True}], "dyck_24 asks for next tokens"),
        ([{"_target_": "nowhere.Task"}], r"data.tasks\[0\]: data._target_=nowhere.Task cannot be found"),
    ],
)
def test_what_cannot_be_mixed_is_answered(tasks: Any, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        MixtureTask(tasks=tasks)


def test_a_class_of_ones_own_is_a_task_too() -> None:
    mixed = MixtureTask(tasks=["formal", {"_target_": "hrmlab.data.sudoku.task.SudokuTask", "side": 6}])
    assert mixed.spec.name == "dyck_24+sudoku_6x6"
    many = MixtureTask(tasks=[{"name": "formal", "length": length} for length in range(10, 32, 2)])
    assert many.spec.name == "mixture_of_11"
