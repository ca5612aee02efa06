"""The fixed-point audit reads off trajectories what is there, and asks easier questions."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrmlab.audits.stability import Share, audit_stability, measured
from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.components import call
from hrmlab.core.errors import UserError
from hrmlab.core.task import TaskSpec
from hrmlab.data.example_set import ExampleSet
from hrmlab.data.sudoku.task import SudokuTask
from hrmlab.evaluation.trajectory import Trajectory
from hrmlab.models.reasoner import Reasoner

SCRIPTS = {  # what is said after each of 8 segments, where 1 is right
    "kept": [0, 1, 1, 1, 1, 1, 1, 1],
    "left for ever": [0, 1, 0, 0, 0, 0, 0, 0],
    "left and found again": [1, 1, 2, 1, 1, 1, 1, 1],
    "never at rest": [0, 2, 0, 2, 0, 2, 0, 2],
    "stuck from the start": [3, 3, 3, 3, 3, 3, 3, 3],
    "found late": [0, 0, 0, 0, 0, 0, 0, 1],
}


def trajectory(rows: list[list[int]]) -> Trajectory:
    said = torch.tensor(rows).T
    return Trajectory(said == 1, said[1:] != said[:-1])


def test_trajectories_are_told_apart() -> None:
    found = measured(trajectory(list(SCRIPTS.values())), cap=2, easier=[])
    assert (found.examples, found.cap, found.segments, found.window) == (6, 2, 8, 2)
    assert found.solved == Share(3, 6)  # kept, both that leave
    assert found.kept == Share(1, 3)
    assert found.solved_at_end == Share(2, 3)
    assert found.ever_solved == Share(4, 6)
    assert found.never_left == Share(2, 4)  # kept, found late
    assert found.right_at_rest == Share(2, 6)
    assert found.right_in_motion == Share(1, 6)  # found late
    assert found.wrong_at_rest == Share(2, 6)  # left for ever, stuck from the start
    assert found.wrong_in_motion == Share(1, 6)
    assert (found.settling["right"].count, found.settling["right"].median, found.settling["right"].latest) == (2, 2, 4)
    assert (found.settling["wrong"].median, found.settling["wrong"].latest) == (1, 3)
    assert [share.count for share in found.by_segment] == [1, 3, 1, 2, 2, 2, 2, 3]
    assert found.by_left == ()
    as_json = found.to_dict()
    assert as_json["wrong_at_rest"] == pytest.approx({"count": 2, "of": 6, "share": 1 / 3, "low": 0.0968, "high": 0.7000}, abs=1e-3)


@given(st.lists(st.lists(st.integers(0, 2), min_size=4, max_size=4), min_size=1, max_size=20), st.integers(1, 2))
def test_shares_fit_each_other(rows: list[list[int]], cap: int) -> None:
    found = measured(trajectory(rows), cap=cap, easier=[])
    ends = (found.right_at_rest, found.right_in_motion, found.wrong_at_rest, found.wrong_in_motion)
    assert sum(end.count for end in ends) == len(rows)
    assert found.right_at_rest.count + found.right_in_motion.count == found.by_segment[-1].count
    assert found.kept.count <= found.solved_at_end.count <= found.solved.count <= found.ever_solved.count
    assert found.kept.of == found.solved_at_end.of == found.solved.count
    assert found.kept.count <= found.by_segment[-1].count


class Counts(Reasoner):
    """Answers a question with its own tokens while fewer than ``spoils`` segments have run, and with token 0 from then on."""

    def __init__(self, task: TaskSpec, *, cap: int, spoils: int) -> None:
        super().__init__(task=task, max_segments=cap)
        self.spoils = spoils

    def initial_carry(self, batch_size: int, positions: int | None = None) -> Carry:
        return {"number": torch.zeros(batch_size, dtype=torch.int64)}

    def forward(self, carry: Carry, batch: Batch, state: object = None) -> tuple[Carry, Prediction]:
        number = carry["number"] + 1
        said = torch.where(number[:, None] < self.spoils, batch.inputs, 0)
        return {"number": number}, Prediction(torch.nn.functional.one_hot(said, self.task.vocabulary_size).float())


@pytest.fixture
def sudoku() -> tuple[SudokuTask, ExampleSet]:
    task: SudokuTask = call(SudokuTask, side=4, train_examples=4, validation_examples=4, test_examples=30)
    return task, task.load(progress=False).test


def test_easier_questions_leave_so_many_cells_and_nest(sudoku: tuple[SudokuTask, ExampleSet]) -> None:
    task, examples = sudoku
    empty = (examples.inputs == 1).sum(axis=1)
    before = np.zeros_like(examples.inputs, bool)
    for left in range(1, int(empty.min()) + 1):
        easier = task.easier(examples, left=left)
        stays = easier.inputs == 1
        assert (stays.sum(axis=1) == left).all()
        np.testing.assert_array_equal(easier.inputs[~stays], easier.labels[~stays])
        assert (stays | ~before).all()
        before = stays
    most = task.easier(examples, left=int(empty.max()))
    assert len(most) == (empty == empty.max()).sum()
    assert len(task.easier(examples, left=17)) == 0
    alone = task.easier(examples.select(np.array([3])), left=2)
    np.testing.assert_array_equal(alone.inputs[0], task.easier(examples, left=2).inputs[3])


def test_a_reasoner_that_spoils_its_answer_is_found_out(sudoku: tuple[SudokuTask, ExampleSet]) -> None:
    task, examples = sudoku
    solved = replace(examples, inputs=examples.labels)  # nothing to find: repeating the question is right
    found = audit_stability(Counts(task.spec, cap=3, spoils=5), task=task, examples=solved, beyond=2, batch_size=7)
    assert found.solved == Share(30, 30)
    assert found.kept == Share(0, 30)
    assert [share.count for share in found.by_segment] == [30] * 4 + [0] * 2
    assert found.wrong_at_rest == Share(30, 30)
    assert (found.settling["wrong"].median, found.settling["wrong"].latest) == (5, 5)
    asked = audit_stability(Counts(task.spec, cap=1, spoils=9), task=task, examples=examples, beyond=2)
    lefts = [level.left for level in asked.by_left]
    assert lefts[:4] == [1, 2, 3, 4]
    assert lefts[-1] is None
    assert asked.by_left[0].solved == Share(0, 30)  # an empty cell is no digit


def test_what_cannot_be_followed_is_refused(sudoku: tuple[SudokuTask, ExampleSet]) -> None:
    task, examples = sudoku
    reasoner = Counts(task.spec, cap=2, spoils=9)
    with pytest.raises(UserError, match="beyond=1"):
        audit_stability(reasoner, task=task, examples=examples, beyond=1)
    with pytest.raises(UserError, match="no puzzle"):
        audit_stability(reasoner, task=task, examples=examples.select(np.arange(0)))
    reasoner.initial_carry = lambda batch_size, positions=None: {}
    with pytest.raises(UserError, match="one pass"):
        audit_stability(reasoner, task=task, examples=examples)
