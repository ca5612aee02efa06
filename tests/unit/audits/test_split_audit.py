"""The audit of splits finds what is shared, and does not take its word from whoever made the splits."""

from dataclasses import replace

import numpy as np

from hrmlab.audits.splits import audit_splits
from hrmlab.core.components import call
from hrmlab.data.example_set import Splits
from hrmlab.data.maze.task import MazeTask
from hrmlab.data.sudoku.task import SudokuTask

TASK = call(SudokuTask, side=4, train_examples=30, validation_examples=5, test_examples=7)


def audit(splits: Splits) -> dict:
    return audit_splits(splits, task=TASK, order_hash="x")


def test_generated_splits_share_nothing() -> None:
    splits = TASK.load(progress=False)
    assert audit(splits)["overlap"] == {
        "train_validation_classes": 0,
        "train_test_classes": 0,
        "validation_test_classes": 0,
        "train_test_strings": 0,
    }


def test_a_leak_is_counted() -> None:
    splits = TASK.load(progress=False)
    leaked = splits.train.select(np.r_[np.arange(30), [0, 1, 2]])
    stolen = splits.test.select(np.arange(3))
    for name in ("inputs", "labels", "classes"):
        getattr(leaked, name)[30:] = getattr(stolen, name)
    found = audit(replace(splits, train=leaked))
    assert found["overlap"]["train_test_classes"] == 3
    assert found["overlap"]["train_test_strings"] == 3
    assert found["overlap"]["validation_test_classes"] == 0
    assert found["splits"]["train"]["content_hash"] != audit(splits)["splits"]["train"]["content_hash"]


def test_answers_of_the_test_that_training_knows_are_counted() -> None:
    """4x4 Sudoku has 288 solution grids, 12 up to the names of the digits; mazes of separate classes share no answer."""
    sudoku = call(SudokuTask, side=4, train_examples=400, validation_examples=5, test_examples=50)
    found = audit_splits(sudoku.load(progress=False), task=sudoku, order_hash="x")["answers"]
    assert found == {
        "rule": "grids up to the names of their digits",
        "train_distinct": 12,
        "test_distinct": found["test_distinct"],
        "test_known": 50,
    }
    assert 1 < found["test_distinct"] <= 12
    maze = call(MazeTask, side=6, train_examples=40, validation_examples=5, test_examples=20)
    assert audit_splits(maze.load(progress=False), task=maze, order_hash="x")["answers"]["test_known"] == 0
