import time
from pathlib import Path

import pytest

from hrmlab.core.components import call
from hrmlab.core.errors import UserError
from hrmlab.data.sudoku.generator import generate
from hrmlab.data.sudoku.task import SudokuTask

datasets = pytest.importorskip("datasets")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")


def rows(first: int, count: int) -> list[tuple[str, str]]:
    questions, solutions, _ = generate(first + count, side=4, seed=9)
    texts = ["".join(map(str, grid)) for grid in (*questions[first:].tolist(), *solutions[first:].tolist())]
    return list(zip(texts[:count], texts[count:], strict=True))


@pytest.fixture
def local_set(tmp_path, write_table):
    """As published: columns source, question, answer, rating; empty source; grids that look like numbers. And weights."""
    for split, (first, count) in {"train": (0, 40), "test": (40, 10)}.items():
        records = [("", question, answer, 0, 1 + place) for place, (question, answer) in enumerate(rows(first, count))]
        path = write_table(records, header=("source", "question", "answer", "rating", "weight"), name=f"{split}.csv")
        (tmp_path / "set").mkdir(exist_ok=True)
        (tmp_path / "set" / f"{split}.csv").write_bytes(Path(path).read_bytes())
    return str(tmp_path / "set")


def test_a_local_set_with_the_published_columns(local_set):
    task = call(SudokuTask, side=4, source="hub", hub_name=local_set, validation_examples=5)
    splits = task.load(progress=False)
    assert splits.source == "hub"
    assert (len(splits.test), len(splits.validation)) == (10, 5)
    assert len(splits.train) + sum(splits.dropped.values()) == 35
    assert {task.to_text(tokens).replace(".", "0") for tokens in splits.test.inputs} == {question for question, _ in rows(40, 10)}
    assert splits.test.ratings.tolist() == [0] * 10
    assert sorted(splits.test.weights.tolist()) == list(range(1, 11))


def test_a_hub_out_of_reach_is_said_at_once_and_nothing_is_substituted(monkeypatch):
    import huggingface_hub

    def refuse(*_, **__):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", refuse)
    started = time.monotonic()
    with pytest.raises(UserError) as caught:
        call(SudokuTask, source="hub", hub_name="somebody/sudoku").load(progress=False)
    assert time.monotonic() - started < 20
    sentence = str(caught.value)
    for part in ("data.hub_name=somebody/sudoku", "no route to host", "data.source=file data.path=", "data.source=generated"):
        assert part in sentence
    assert "\n" not in sentence


def test_sets_of_another_form(tmp_path, write_table):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "train.csv").write_text("puzzle,answer\n12,34\n")
    with pytest.raises(UserError, match="split train has no column 'question'"):
        call(SudokuTask, source="hub", hub_name=str(tmp_path / "set")).load(progress=False)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "test.csv").write_text("question,answer\n12,34\n")
    with pytest.raises(UserError, match=r"has no split 'train' \(it has: test\)"):
        call(SudokuTask, source="hub", hub_name=str(tmp_path / "other")).load(progress=False)
    (tmp_path / "third").mkdir()
    (tmp_path / "third" / "train.csv").write_text("question,answer\n12,34\n")
    with pytest.raises(UserError, match=r"split train, row 1 .*: the question has 2 characters instead of the 81"):
        call(SudokuTask, source="hub", hub_name=str(tmp_path / "third")).load(progress=False)
