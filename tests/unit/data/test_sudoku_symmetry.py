from functools import cache
from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hrmlab.core.batches import Batch
from hrmlab.core.errors import UserError
from hrmlab.core.randomness import CounterRandom
from hrmlab.data.sources import SourceOptions
from hrmlab.data.sudoku.board import BOX_SHAPES, board
from hrmlab.data.sudoku.generator import generate
from hrmlab.data.sudoku.rules import complete_and_valid
from hrmlab.data.sudoku.symmetry import fingerprints
from hrmlab.data.sudoku.task import SudokuTask


@cache
def batch_of(inputs: torch.Tensor, labels: torch.Tensor) -> Batch:
    return Batch(inputs, labels, torch.zeros(len(inputs), dtype=torch.int64))


def puzzles(side: int) -> tuple[np.ndarray, np.ndarray]:
    questions, solutions, _ = generate(40, side=side, seed=11)
    return questions, solutions


def image(grids: np.ndarray, side: int, rng: np.random.Generator, kinds: set[str]) -> np.ndarray:
    """One random symmetry of the named kinds applied to (N, cells) grids alike, by plain indexing of rows and columns."""
    height, width = BOX_SHAPES[side]

    def lines(chute: str, line: str, thickness: int) -> list[int]:
        chutes = rng.permutation(side // thickness) if chute in kinds else range(side // thickness)
        return [c * thickness + k for c in chutes for k in (rng.permutation(thickness) if line in kinds else range(thickness))]

    squares = grids.reshape(-1, side, side)[:, lines("bands", "rows", height)][:, :, lines("stacks", "columns", width)]
    if "transpose" in kinds and rng.integers(2):
        squares = squares.transpose(0, 2, 1)
    digits = np.concatenate([[0], rng.permutation(side) + 1 if "digits" in kinds else np.arange(1, side + 1)])
    return digits[squares].reshape(grids.shape).astype(np.uint8)


GROUP = {
    4: {"digits"},
    6: {"digits", "bands", "rows", "stacks", "columns"},
    9: {"digits", "bands", "rows", "stacks", "columns", "transpose"},
}


@pytest.mark.parametrize("side", [4, 6, 9])
@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1))
def test_symmetric_puzzles_share_a_fingerprint(side, seed):
    questions, solutions = puzzles(side)
    moved_questions, moved_solutions = (image(grids, side, np.random.default_rng(seed), GROUP[side]) for grids in (questions, solutions))
    assert complete_and_valid(moved_solutions, board(side)).all()
    assert np.array_equal(fingerprints(questions, solutions, board(side)), fingerprints(moved_questions, moved_solutions, board(side)))


@pytest.mark.parametrize("side", [4, 6, 9])
def test_different_puzzles_differ(side):
    questions, solutions = puzzles(side)
    classes = np.unique(fingerprints(questions, solutions, board(side)))
    if side == 4:  # few enough to name each class by its least image
        relabelled = [
            [(0, *names)[d] for d in (*q, *s)] for names in permutations(range(1, 5)) for q, s in zip(questions, solutions, strict=True)
        ]
        assert len(classes) == len({tuple(min(relabelled[row::40])) for row in range(40)})
    else:
        assert len(classes) == 40
    fewer = questions.copy()
    for row in fewer:
        row[np.flatnonzero(row)[0]] = 0
    assert not np.isin(fingerprints(fewer, solutions, board(side)), fingerprints(questions, solutions, board(side))).any()


@pytest.mark.parametrize("side", [4, 6, 9])
@settings(deadline=None, max_examples=20)
@given(key=st.integers(0, 2**62), first=st.integers(0, 2**40))
def test_augmentation_stays_in_the_class_and_keeps_puzzles_valid(side, key, first):
    questions, solutions = puzzles(side)
    inputs, labels = (torch.from_numpy(grids.astype(np.int64) + 1) for grids in (questions, solutions))
    augmentation = SudokuTask(side=side).augmentation(None)  # pyright: ignore[reportArgumentType]
    assert augmentation is not None
    random = CounterRandom(key, first + torch.arange(len(inputs)))
    new_inputs, new_labels, _ = augmentation(batch_of(inputs, labels), torch.arange(len(inputs)), random)
    assert new_inputs.dtype == new_labels.dtype == torch.int64
    new_questions, new_solutions = (tensor.numpy().astype(np.uint8) - 1 for tensor in (new_inputs, new_labels))
    assert complete_and_valid(new_solutions, board(side)).all()
    assert ((new_questions == 0) | (new_questions == new_solutions)).all()
    assert np.array_equal(fingerprints(new_questions, new_solutions, board(side)), fingerprints(questions, solutions, board(side)))
    assert (new_inputs != inputs).any(dim=1).float().mean() > 0.5
    alone = augmentation(batch_of(inputs[7:8], labels[7:8]), torch.tensor([7]), CounterRandom(key, torch.tensor([first + 7])))
    assert torch.equal(alone[0], new_inputs[7:8])


@settings(deadline=None, max_examples=10)
@given(key=st.integers(0, 2**62), views=st.integers(1, 5), seed=st.integers(0, 3))
def test_of_each_puzzle_there_are_so_many_images(key, views, seed):
    questions, solutions = puzzles(6)
    inputs, labels = (torch.from_numpy(grids[:3].astype(np.int64) + 1) for grids in (questions, solutions))
    rows = torch.arange(3).repeat(80)
    augmentation = SudokuTask(side=6, fixed_views=views, options=SourceOptions(seed=seed)).augmentation(None)  # pyright: ignore[reportArgumentType]
    assert augmentation is not None

    def images(key):
        drawn = augmentation(batch_of(inputs[rows], labels[rows]), rows, CounterRandom(key, torch.arange(240)))
        grids = torch.cat([drawn.inputs, drawn.labels], dim=1)
        return [{tuple(grid) for grid in grids[rows == row].tolist()} for row in range(3)]

    found = images(key)
    assert [len(kinds) for kinds in found] == [views] * 3
    assert found == images(key + 1), "they belong to the data and not to the seed of training"
    assert not set.union(*found[:1]) & set.union(*found[1:])


def test_images_that_are_left_out_cannot_be_counted():
    with pytest.raises(UserError, match=r"data\.fixed_views=10 .* data\.augment=false"):
        SudokuTask(side=6, augment=False, fixed_views=10)


def test_4x4_cells_stay_where_they_are():
    questions, solutions = puzzles(4)
    inputs, labels = (torch.from_numpy(grids.astype(np.int64) + 1) for grids in (questions, solutions))
    augmentation = SudokuTask(side=4).augmentation(None)  # pyright: ignore[reportArgumentType]
    assert augmentation is not None
    moved = augmentation(batch_of(inputs, labels), torch.arange(40), CounterRandom(1, torch.arange(40))).inputs
    assert torch.equal(moved == 1, inputs == 1)


def test_augmentation_reaches_the_whole_group():
    """Every digit lands on every cell, and both orientations occur."""
    inputs = torch.arange(81).repeat(2000, 1) % 9 + 2
    augmentation = SudokuTask(side=9).augmentation(None)  # pyright: ignore[reportArgumentType]
    assert augmentation is not None
    columns = augmentation(batch_of(inputs, inputs), torch.arange(2000), CounterRandom(3, torch.arange(2000))).inputs
    assert all(len(columns[:, cell].unique()) == 9 for cell in range(81))
    transposed = (columns[:, 0] == columns[:, 1]).double().mean()  # equal columns become equal rows
    assert 0.45 < transposed < 0.55
