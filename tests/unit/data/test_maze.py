"""Mazes against independent plain-Python searches."""

from collections import deque

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hrmlab.core.batches import Batch
from hrmlab.core.randomness import CounterRandom
from hrmlab.data.example_set import make_set
from hrmlab.data.maze.generator import choose_shape, generate
from hrmlab.data.maze.search import FLOOR, GOAL, PATH, START, WALL, label, valid_shortest_path
from hrmlab.data.maze.symmetry import dihedral_cells, fingerprints
from hrmlab.data.maze.task import MazeTask


def labelled_by_rule(maze: list[int], side: int) -> tuple[list[int], int]:
    start, goal = maze.index(START), maze.index(GOAL)
    parent: dict[int, int | None] = {start: None}
    queue = deque([start])
    while queue:
        cell = queue.popleft()
        row, column = divmod(cell, side)
        for r, c in ((row + 1, column), (row, column - 1), (row, column + 1), (row - 1, column)):
            other = r * side + c
            if 0 <= r < side and 0 <= c < side and maze[other] != WALL and other not in parent:
                parent[other] = cell
                queue.append(other)
    path = []
    step: int | None = goal if goal in parent else None
    while step is not None:
        path.append(step)
        step = parent[step]
    return [PATH if cell in path and token == FLOOR else token for cell, token in enumerate(maze)], len(path)


def random_mazes(seed: int, side: int, count: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mazes = np.where(rng.random((count, side * side)) < 0.3, WALL, FLOOR).astype(np.uint8)
    for maze in mazes:
        maze[rng.choice(side * side, 2, replace=False)] = START, GOAL
    return mazes


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), side=st.integers(4, 12))
def test_label_rule_against_plain_python(seed, side):
    mazes = random_mazes(seed, side, 10)
    labels, lengths = label(mazes, side)
    for maze, answer, length in zip(mazes.tolist(), labels.tolist(), lengths.tolist(), strict=True):
        assert (answer, length) == labelled_by_rule(maze, side)


@pytest.mark.parametrize(("side", "difficulty"), [(5, "easy"), (8, None), (10, "hard"), (20, "medium"), (30, "extreme")])
def test_generated_mazes_are_in_range_and_follow_the_wall_model(side, difficulty):
    shape = choose_shape(side=side, difficulty=difficulty)
    mazes, lengths = generate(60, shape, seed=7)
    assert ((mazes == START).sum(axis=1) == 1).all()
    assert ((mazes == GOAL).sum(axis=1) == 1).all()
    assert np.array_equal(label(mazes, side)[1], lengths)
    assert ((lengths >= shape.minimum_path) & (lengths <= shape.maximum_path)).all()
    assert abs((mazes == WALL).mean() - 0.37) < (0.015 if side >= 20 else 0.08)  # small mazes of long paths have fewer walls
    again, _ = generate(60, shape, seed=7)
    other, _ = generate(60, shape, seed=8)
    assert np.array_equal(mazes, again)
    assert not (mazes == other).all(axis=1).any()


def test_hard_30x30_mazes_are_like_the_published_ones():
    assert choose_shape(side=30, difficulty="extreme").minimum_path == 110
    assert choose_shape(side=8, minimum_path=5, maximum_path=7).maximum_path == 7


def test_the_judge_accepts_other_shortest_paths_and_nothing_else():
    side = 5
    maze = np.full(25, FLOOR)
    maze[[0, 24]] = START, GOAL

    def judged(cells: list[int], changes: dict[int, int] | None = None) -> bool:
        prediction = maze.copy()
        prediction[cells] = PATH
        for cell, token in (changes or {}).items():
            prediction[cell] = token
        return bool(valid_shortest_path(maze[None], prediction[None], side)[0])

    shortest = [1, 2, 3, 4, 9, 14, 19]
    assert judged(shortest)
    assert judged([5, 10, 15, 20, 21, 22, 23])
    assert judged([1, 6, 7, 12, 13, 18, 19])
    assert not judged([])
    assert not judged(shortest[:-1])
    assert not judged([*shortest, 12])
    assert not judged([1, 2, 3, 4, 9, 14, 12])
    assert not judged(shortest, {12: WALL})
    assert not judged(shortest, {24: PATH})
    assert not judged(shortest, {12: START})
    assert not judged(shortest, {12: 0})
    detour = [5, 6, 7, 2, 3, 4, 9, 14, 19]
    assert not judged(detour)
    walled = maze.copy()
    walled[1] = WALL
    through = maze.copy()
    through[shortest] = PATH
    assert not valid_shortest_path(walled[None], through[None], side)[0]


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), side=st.integers(4, 9))
def test_the_judge_agrees_with_an_enumeration_of_shortest_paths(seed, side):
    mazes = random_mazes(seed, side, 4)
    rng = np.random.default_rng(seed)
    for maze in mazes:
        answer, length = labelled_by_rule(maze.tolist(), side)
        if not length:
            assert not valid_shortest_path(maze[None], np.array([answer]), side)[0]
            continue
        for cells in dihedral_cells(side):  # label in the image and turn back: another shortest path of the same maze
            turned, _ = labelled_by_rule(maze[cells].tolist(), side)
            back = np.empty(side * side, np.int64)
            back[cells] = turned
            assert valid_shortest_path(maze[None], back[None], side)[0]
            flipped = back.copy()
            cell = rng.integers(side * side)
            flipped[cell] = FLOOR if flipped[cell] == PATH else PATH
            assert not valid_shortest_path(maze[None], flipped[None], side)[0]


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), side=st.integers(4, 9))
def test_the_eight_images_share_a_fingerprint_and_others_do_not(seed, side):
    mazes = random_mazes(seed, side, 6)
    classes = fingerprints(mazes, side)
    for cells in dihedral_cells(side):
        assert np.array_equal(fingerprints(mazes[:, cells], side), classes)
    changed = mazes.copy()
    cell = int(np.flatnonzero(mazes[0] == FLOOR)[0])
    changed[0, cell] = WALL
    assert fingerprints(changed, side)[0] != classes[0]


@settings(deadline=None, max_examples=15)
@given(key=st.integers(0, 2**62))
def test_augmentation_relabels_by_the_rule_and_stays_in_the_class(key):
    side = 7
    mazes, _ = generate(12, choose_shape(side=side), seed=1)
    labels, _ = label(mazes, side)
    train = make_set(inputs=mazes, labels=labels, classes=fingerprints(mazes, side)).widened()
    augmentation = MazeTask(side=side).augmentation(train)
    assert augmentation is not None
    index = torch.arange(12).repeat(20).flip(0)
    inputs, answers = (torch.from_numpy(array).long()[index] for array in (train.inputs, train.labels))
    batch = Batch(inputs, answers, torch.zeros_like(index))
    new_inputs, new_labels, _ = augmentation.to("cpu")(batch, index, CounterRandom(key, torch.arange(240)))
    assert new_inputs.dtype == new_labels.dtype == torch.int64
    moved = new_inputs.numpy().astype(np.uint8)
    assert np.array_equal(label(moved, side)[0], new_labels.numpy())
    assert np.array_equal(fingerprints(moved, side), train.classes[index.numpy()])
    assert len(np.unique(moved[index.numpy() == 0], axis=0)) > 4


def test_text():
    task = MazeTask(side=4)
    assert task.to_text(np.array([0, 1, 2, 3, 4, 5, 99])) == "?# SGo?"
    assert task.spec.name == "maze_4x4"
    assert (task.spec.sequence_length, task.spec.vocabulary_size, task.spec.grid) == (16, 6, (4, 4))
    assert MazeTask(side=12, difficulty="hard").spec.name == "maze_12x12_hard"
