import json
from pathlib import Path

import numpy as np
import pytest

from hrmlab.core.errors import UserError
from hrmlab.core.task import IGNORED_LABEL
from hrmlab.data.custom.task import CustomTask

RNG = np.random.default_rng(0)
INPUTS = RNG.integers(0, 7, (30, 3, 4))
INPUTS[0, 0, 0] = 6
LABELS = (INPUTS + 1) % 7


def write_lines(path: Path, records: list) -> str:
    path.write_text("\n".join(record if isinstance(record, str) else json.dumps(record) for record in records) + "\n")
    return str(path)


def stored(folder: Path, kind: str) -> str:
    if kind == "npz":
        np.savez(folder / "my grids.npz", inputs=INPUTS, labels=LABELS)
        return str(folder / "my grids.npz")
    if kind == "npy":
        np.save(folder / "my_grids_inputs.npy", INPUTS)
        np.save(folder / "my_grids_labels.npy", LABELS)
        return str(folder / "my_grids_inputs.npy")
    records = [{"input": i.tolist(), "output": o.tolist()} for i, o in zip(INPUTS, LABELS, strict=True)]
    return write_lines(folder / "my_grids.jsonl", records)


@pytest.mark.parametrize("kind", ["npz", "npy", "jsonl"])
def test_every_format_gives_the_same_task(tmp_path, kind):
    path = stored(tmp_path, kind)
    task = CustomTask(path=path)
    assert task.spec.name.startswith("custom_my_grids")
    assert (task.spec.sequence_length, task.spec.vocabulary_size, task.spec.puzzle_ids, task.spec.grid) == (12, 7, 1, (3, 4))
    splits = task.load()
    assert [len(splits.train), len(splits.validation), len(splits.test)] == [25, 2, 3]
    read = task.read(path)
    assert np.array_equal(read.inputs, INPUTS.reshape(30, 12))
    assert np.array_equal(read.labels, LABELS.reshape(30, 12))
    assert read.inputs.dtype == read.labels.dtype == np.int32
    assert (task.read(path, labelled=False).labels == IGNORED_LABEL).all()
    assert task.augmentation(read) is None
    assert task.score(read.inputs, read.labels, read.labels) == {}
    assert task.to_text(np.array([3, 10, 0])) == "3 10 0"


def test_equal_inputs_stay_in_one_split_and_puzzle_ids_are_kept(tmp_path):
    inputs = np.repeat(np.arange(20), 5)[:, None].repeat(6, axis=1)
    path = tmp_path / "repeated.npz"
    labels = inputs.copy()
    labels[:, 0] = IGNORED_LABEL
    np.savez(path, inputs=inputs, labels=labels, puzzle_ids=np.repeat(np.arange(20), 5))
    task = CustomTask(path=str(path), vocabulary_size=50, test_examples=15, validation_examples=10)
    assert (task.spec.vocabulary_size, task.spec.puzzle_ids, task.spec.grid) == (50, 20, None)
    splits = task.load()
    for one, other in ((splits.train, splits.test), (splits.train, splits.validation), (splits.validation, splits.test)):
        assert not set(one.inputs[:, 0].tolist()) & set(other.inputs[:, 0].tolist())
    assert np.array_equal(splits.train.puzzle_ids, splits.train.inputs[:, 0])


def test_files_of_their_own_for_validation_and_test(tmp_path):
    np.savez(tmp_path / "train.npz", inputs=INPUTS, labels=LABELS)
    np.savez(tmp_path / "test.npz", inputs=INPUTS[:4], labels=LABELS[:4])
    np.savez(tmp_path / "validation.npz", inputs=INPUTS[3:8], labels=LABELS[3:8])
    names = {"path": "train.npz", "test_path": "test.npz", "validation_path": "validation.npz"}
    splits = CustomTask(**{name: str(tmp_path / file) for name, file in names.items()}).load()  # pyright: ignore[reportArgumentType]
    assert [len(splits.train), len(splits.validation), len(splits.test)] == [22, 4, 4]
    assert splits.dropped == {"train": 8, "validation": 1}


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], "is empty"),
        (["{"], r"row 1 \(counted from 1\): it is not valid JSON"),
        ([{"input": [1], "output": [1]}, {"input": [1]}], r"row 2 \(counted from 1\): it has no 'output'"),
        ([{"output": [1]}], "it has no 'input'"),
        (["[1, 2]"], "it is no JSON object"),
        ([{"input": [True, 2], "output": [1, 2]}], "row 1 .*the input holds true or false"),
        ([{"input": [[1, 2]], "output": [[1, False]]}], "row 1 .*the output holds true or false"),
        ([{"input": [1], "output": [1], "puzzle_id": True}], "row 1 .*the field 'puzzle_id' is true"),
        ([{"input": [1], "output": [1]}, {"input": [1], "output": [-100]}], "row 2 .*all labels are -100, so nothing is asked"),
        ([{"input": [2], "output": [1]}, {"input": [1], "output": [1]}, {"input": [2], "output": [3]}], "row 3 .*is that of row 1 and its"),
        ([{"input": [[1, 2], [3]], "output": [[1, 2], [3, 4]]}], "the input has rows of different lengths"),
        ([{"input": [[1, 2]], "output": [[1, 2, 3]]}], r"the output has the shape \(1, 3\) instead of \(1, 2\)"),
        (
            [{"input": [1], "output": [1]}, {"input": [1, 2], "output": [1, 2]}],
            r"row 2 .* the input has the shape \(2,\) instead of \(1,\)",
        ),
        ([{"input": ["a"], "output": [1]}], "the input is not a list of whole numbers"),
        ([{"input": [0.5], "output": [1]}], "the input is not a list of whole numbers"),
        ([{"input": 3, "output": 3}], "the input is not a list of whole numbers"),
        ([{"input": [1], "output": [1]}, {"input": [1], "output": [-1]}], "row 2 .*labels hold -1, which is no token id"),
        ([{"input": [IGNORED_LABEL], "output": [1]}], "row 1 .*inputs hold -100, which is no token id"),
        ([{"input": [1], "output": [1], "puzzle_id": "x"}], "puzzle_ids are of type"),
    ],
)
def test_bad_lines(tmp_path, records, message):
    with pytest.raises(UserError, match=message):
        CustomTask(path=write_lines(tmp_path / "bad.jsonl", records))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"inputs": INPUTS}, "has no array 'labels'"),
        ({"labels": INPUTS}, "has no array 'inputs'"),
        ({"inputs": INPUTS, "labels": LABELS[:5]}, "they must be equal"),
        ({"inputs": INPUTS.astype(float), "labels": LABELS}, "inputs are of type float64 instead of integers"),
        ({"inputs": INPUTS - 1, "labels": LABELS}, "inputs hold -1"),
        ({"inputs": INPUTS + 2**40, "labels": LABELS}, "which is no token id"),
        ({"inputs": INPUTS[0, 0], "labels": LABELS[0, 0]}, "inputs have the shape"),
        ({"inputs": INPUTS[:0], "labels": LABELS[:0]}, "inputs have the shape"),
        ({"inputs": INPUTS, "labels": LABELS, "puzzle_ids": np.zeros(3, int)}, "puzzle_ids have the shape"),
        ({"inputs": np.array([{}]), "labels": LABELS}, "cannot be read as NumPy data"),
    ],
)
def test_bad_arrays(tmp_path, arrays, message):
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(UserError, match=message):
        CustomTask(path=str(tmp_path / "bad.npz"))


def test_other_mistakes(tmp_path):
    path = stored(tmp_path, "npz")
    (tmp_path / "table.csv").write_text("")
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 broken")
    np.save(tmp_path / "alone.npy", INPUTS)
    (tmp_path / "single.npz").write_bytes((tmp_path / "alone.npy").read_bytes())
    np.save(tmp_path / "lonely_inputs.npy", INPUTS)
    for keywords, message in [
        ({}, "data=custom needs data.path="),
        ({"path": str(tmp_path / "absent.npz")}, "is not a file"),
        ({"path": str(tmp_path / "table.csv")}, "has the ending '.csv'"),
        ({"path": str(tmp_path / "broken.npz")}, "cannot be read as NumPy data"),
        ({"path": str(tmp_path / "single.npz")}, "cannot be read as NumPy data"),
        ({"path": str(tmp_path / "alone.npy")}, "rename them"),
        ({"path": str(tmp_path / "lonely_inputs.npy")}, "lonely_labels.npy does not exist"),
        ({"path": path, "vocabulary_size": 6}, "inputs hold 6 where data.vocabulary_size=6"),
        ({"path": path, "puzzle_ids": 0}, "puzzle_ids hold 0 where data.puzzle_ids=0"),
        ({"path": path, "test_examples": -1}, "data.test_examples=-1 leaves the test set empty"),
        ({"path": path, "train_examples": 0}, "data.train_examples=0 leaves the train set empty; give at least 1, or null"),
    ]:
        with pytest.raises(UserError, match=message):
            CustomTask(**keywords)  # pyright: ignore[reportArgumentType]
    np.savez(tmp_path / "endless.npz", inputs=np.zeros((1, 1_000_000), int), labels=np.zeros((1, 1_000_000), int))
    with pytest.raises(UserError, match=r"endless\.npz has rows of 1000000 tokens and attention grows with their square; .* at most 16384"):
        CustomTask(path=str(tmp_path / "endless.npz"))
    np.savez(tmp_path / "wide.npz", inputs=INPUTS.reshape(30, 2, 6), labels=LABELS.reshape(30, 2, 6))
    with pytest.raises(UserError, match="all must have one size"):
        CustomTask(path=path, test_path=str(tmp_path / "wide.npz"))
    np.savez(tmp_path / "large.npz", inputs=INPUTS + 5, labels=LABELS)
    with pytest.raises(UserError, match=r"data\.vocabulary_size=7"):
        CustomTask(path=path).read(tmp_path / "large.npz")


def test_a_question_in_text_is_read_and_shown(tmp_path):
    task = CustomTask(path=stored(tmp_path, "npz"), vocabulary_size=12)
    tokens = task.from_text("0 1 2 3\n4 5 6 7\n8 9 10 11\n")
    assert tokens.tolist() == list(range(12))
    assert tokens.dtype == np.int32
    assert np.array_equal(task.from_text(task.to_text(tokens)), tokens)
    assert task.show(tokens) == " 0  1  2  3\n 4  5  6  7\n 8  9 10 11"
    for text, message in [
        ("1 2", "the example has 2 numbers instead of 12"),
        ("12 " * 12, "'12', which is no token id"),
        ("x " * 12, "'x'"),
    ]:
        with pytest.raises(UserError, match=message):
            task.from_text(text)


def test_equal_questions_may_differ_by_puzzle_id_or_in_what_is_not_asked(tmp_path):
    np.savez(tmp_path / "ids.npz", inputs=np.ones((2, 3), int), labels=np.array([[1, 2, 3], [3, 2, 1]]), puzzle_ids=np.arange(2))
    np.savez(tmp_path / "masks.npz", inputs=np.ones((2, 3), int), labels=np.array([[1, -100, 3], [-100, 2, 3]]))
    assert len(CustomTask(path=str(tmp_path / "ids.npz")).read(tmp_path / "ids.npz")) == 2
    assert len(CustomTask(path=str(tmp_path / "masks.npz")).read(tmp_path / "masks.npz")) == 2
