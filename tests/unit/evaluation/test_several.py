"""Several answers to each question: trajectories chosen by score, views that vote."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.components import call
from hrmlab.core.errors import UserError
from hrmlab.core.randomness import CounterRandom, row_numbers, stream_key
from hrmlab.core.symmetry import Symmetry
from hrmlab.data.example_set import make_set
from hrmlab.data.loading import EvaluationBatch
from hrmlab.data.maze.task import MazeTask
from hrmlab.data.sudoku.task import SudokuTask
from hrmlab.data.task import Task
from hrmlab.evaluation.several import Several
from hrmlab.evaluation.solve import Solution, solve
from hrmlab.evaluation.split import SplitEvaluator
from hrmlab.models.hrm import HRM

TASK = SudokuTask(side=6)
CELLS, VOCABULARY = TASK.spec.sequence_length, TASK.spec.vocabulary_size


def batch(rows: int = 5, seed: int = 1) -> Batch:
    inputs = torch.randint(1, VOCABULARY, (rows, CELLS), generator=torch.Generator().manual_seed(seed))
    return Batch(inputs, inputs, torch.zeros(rows, dtype=torch.int64))


def hrm() -> HRM:
    torch.manual_seed(0)
    made = call(HRM, task=TASK.spec, hidden_size=16, num_heads=2, mlp_width=24, h_layers=1, l_layers=1, max_segments=3).eval()
    torch.nn.init.normal_(made.halting_head.weight)  # it starts at zero
    return made


def assert_same(one: Solution, two: Solution) -> None:
    for name, part in one._asdict().items():
        assert torch.equal(part, getattr(two, name)), name


def test_trajectories_without_noise_are_one() -> None:
    assert_same(Several(trajectories=4).solve(hrm(), batch(), TASK)[0], solve(hrm(), batch()))


def test_noise_gives_other_answers_the_best_is_chosen_and_a_puzzle_is_the_same_in_any_batch() -> None:
    several, reasoner, rows = Several(trajectories=6, noise=1.0), hrm(), batch()
    found, chosen = several.solve(reasoner, rows, TASK)
    alone = solve(reasoner, rows)
    assert (found.confidence >= alone.confidence).all()
    assert len(chosen.unique()) > 1
    fewer, _ = Several(trajectories=3, noise=1.0).solve(reasoner, rows, TASK)
    assert (found.confidence >= fewer.confidence).all(), "more trajectories hold those of fewer"
    assert_same(several.solve(reasoner, rows, TASK)[0], found)
    order = torch.tensor([3, 1, 4])
    picked, picked_chosen = several.solve(reasoner, Batch(*(part[order] for part in rows)), TASK)
    assert torch.equal(picked_chosen, chosen[order])
    torch.testing.assert_close(picked.confidence, found.confidence[order])
    assert torch.equal(picked.answers, found.answers[order])


class Oracle:
    """Answers an image of a question with the image of its answer, except that it errs on most rows it does not know as they stand.

    What it says of a cell is a function of the cell's own token alone, which all symmetries respect: an equivariant solver.
    """

    max_segments = 2

    def initial_carry(self, batch_size: int) -> Carry:
        return {"z": torch.zeros(batch_size, 2)}

    def __call__(self, carry: Carry, batch: Batch) -> tuple[Carry, Prediction]:
        q = batch.inputs[:, 0].float()
        return {"z": carry["z"] + 1}, Prediction(one_hot(batch.inputs, VOCABULARY).float(), q)


class Erring(Oracle):
    """Wrong, with great confidence, on the question as it stands, and right on every other view."""

    def __init__(self, rows: Tensor) -> None:
        self._rows = rows

    def __call__(self, carry: Carry, batch: Batch) -> tuple[Carry, Prediction]:
        carry, prediction = super().__call__(carry, batch)
        known = (batch.inputs == self._rows).all(dim=1)
        logits = torch.where(known[:, None, None], prediction.logits.roll(1, dims=2), prediction.logits)
        return carry, Prediction(logits, torch.where(known, 100.0, 1.0))


def test_the_answers_of_an_equivariant_solver_are_the_same_in_every_view_and_right() -> None:
    found, _ = Several(views=5).solve(Oracle(), batch(), TASK)
    assert found.exact_by_segment.all()
    assert torch.equal(found.answers, batch().labels)


def test_most_views_win_against_a_confident_one() -> None:
    rows = batch()
    assert not solve(Erring(rows.inputs), rows).exact_by_segment.any()
    found, chosen = Several(views=3).solve(Erring(rows.inputs), rows, TASK)
    assert found.exact_by_segment.all()
    assert (chosen > 0).all()
    tied, chosen = Several(views=2).solve(Erring(rows.inputs), rows, TASK)
    assert not tied.exact_by_segment.any(), "one vote each: the more confident one"
    assert (chosen == 0).all()


@pytest.mark.parametrize("task", [SudokuTask(side=4), SudokuTask(side=6), SudokuTask(side=9), MazeTask(side=8)], ids=lambda task: task.name)
def test_symmetries_are_permutations_and_undone(task: Task) -> None:
    size, vocabulary = task.spec.sequence_length, task.spec.vocabulary_size
    rows = torch.randint(0, vocabulary, (6, size), generator=torch.Generator().manual_seed(0))
    symmetry = task.symmetry(rows, CounterRandom(stream_key(0, "test"), row_numbers(rows)))
    assert symmetry is not None
    assert torch.equal(symmetry.cells.sort(dim=1).values, torch.arange(size).expand(6, -1))
    assert torch.equal(symmetry.tokens.sort(dim=1).values, torch.arange(vocabulary).expand(6, -1))
    assert torch.equal(symmetry.undo(one_hot(symmetry.image(rows), vocabulary).float()).argmax(-1), rows)
    assert not torch.equal(symmetry.image(rows), rows)


def test_the_image_of_a_solved_sudoku_is_one() -> None:
    task = SudokuTask(side=9)
    grid = np.array([[(3 * (row % 3) + row // 3 + column) % 9 + 2 for column in range(9)] for row in range(9)]).reshape(1, 81)
    rows = torch.from_numpy(grid).expand(20, -1)
    symmetry = task.symmetry(rows, CounterRandom(7, torch.arange(20)))
    for image in symmetry.image(rows).numpy():
        assert task.is_right(np.ones(81, np.int64), image)


def test_the_split_says_what_was_chosen() -> None:
    rows = batch()
    examples = make_set(inputs=rows.inputs.int().numpy(), labels=rows.labels.int().numpy(), classes=np.arange(5))
    evaluator = SplitEvaluator(task=TASK, halts=True)
    evaluator.several = Several(trajectories=2, noise=0.5, views=3)
    evaluator.record_examples()
    evaluator.add(hrm(), EvaluationBatch(rows, torch.arange(5)))
    score = evaluator.score(examples, means=evaluator.metrics.compute())
    assert score.result["several"] == {"trajectories": 2, "noise": 0.5, "views": 3}
    assert set(score.table["view"]) <= {0, 1, 2}
    assert set(score.table["trajectory"]) <= {0, 1}


class _Plain(SudokuTask):
    def symmetry(self, inputs: Tensor, random: CounterRandom) -> Symmetry | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        return None


@pytest.mark.parametrize(
    ("several", "task", "halts", "said"),
    [
        (Several(trajectories=2), TASK, False, "this arm has none; use trajectories=1"),
        (Several(views=2), _Plain(side=6), True, "evaluation.views=2 needs symmetries, and sudoku_6x6"),
    ],
)
def test_what_cannot_be_chosen_among_is_refused(several: Several, task: Any, halts: bool, said: str) -> None:
    with pytest.raises(UserError, match=said):
        several.check(task, halts=halts)
