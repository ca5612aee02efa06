"""The real sets, where they are at hand."""

import csv
import gzip

import numpy as np

from hrmlab.core.components import call
from hrmlab.data.maze.search import label, valid_shortest_path
from hrmlab.data.maze.task import MazeTask
from hrmlab.data.sudoku.board import board
from hrmlab.data.sudoku.solver import solve
from hrmlab.data.sudoku.task import SudokuTask
from hrmlab.data.sudoku.trivial import candidates_by_clues, candidates_by_elimination, expected_of_guesses


def column(path, name: str) -> list[str]:
    with gzip.open(path, "rt") as file:
        return [row[name] for row in csv.DictReader(file)]


def test_fingerprints_make_the_classes_of_the_isomorphism_hash(shared_data):
    for name in ("hard_val", "hard_test", "easier"):
        path = shared_data / "sudoku" / f"{name}.csv.gz"
        classes = SudokuTask().read(path).classes.tolist()
        isomorphism = column(path, "iso_hash")
        assert len(set(classes)) == len(set(isomorphism)) == len(set(zip(classes, isomorphism, strict=True)))


def test_rating_is_the_published_number_of_dead_ends(shared_data):
    rows = SudokuTask().read(shared_data / "sudoku" / "hard_test.csv.gz").select(np.arange(500))
    solutions, counts, ratings = solve(rows.inputs - 1, board(9))
    assert (counts == 1).all()
    assert np.array_equal(solutions + 1, rows.labels)
    assert np.array_equal(ratings, rows.ratings)


def test_real_sudoku_files_load_and_do_not_overlap(shared_data):
    paths = {"path": "hard_train", "validation_path": "hard_val", "test_path": "hard_test"}
    files = {name: str(shared_data / "sudoku" / f"{file}.csv.gz") for name, file in paths.items()}
    splits = call(SudokuTask, source="file", train_examples=1000, **files).load(progress=False)
    assert splits.dropped == {}
    assert [len(splits.train), len(splits.validation), len(splits.test)] == [1000, 1000, 5004]
    assert splits.train.inputs.max() == 10


def test_every_real_maze_follows_the_label_rule(shared_data):
    for name in ("train", "test"):
        rows = MazeTask().read(shared_data / "maze" / f"{name}.csv.gz")
        labels, lengths = label(rows.inputs, 30)
        assert np.array_equal(labels, rows.labels)
        assert np.array_equal(lengths, rows.ratings)
        assert valid_shortest_path(rows.inputs, rows.labels, 30).all()
        assert len(np.unique(rows.classes)) == 1000


def test_guessing_among_candidates_gets_nearly_half_of_the_cells_of_hard_puzzles(shared_data):
    rows = SudokuTask().read(shared_data / "sudoku" / "hard_test.csv.gz")
    questions, answers = (rows.inputs - 1).astype(np.uint8), (rows.labels - 1).astype(np.uint8)
    for candidates, share in ((candidates_by_clues, 46.9), (candidates_by_elimination, 48.6)):
        expected = expected_of_guesses(candidates(questions, board(9)), answers, unique=True)
        assert round(100 * expected["cell_accuracy"], 1) == share
        assert expected["exact_accuracy"] < 1e-12
