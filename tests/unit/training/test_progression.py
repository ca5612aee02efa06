"""What changes while a run trains."""

from collections.abc import Callable

import pytest
from torch import Tensor

from hrmlab.core.batches import Batch
from hrmlab.core.errors import UserError
from hrmlab.data.maze.search import PATH
from hrmlab.data.training_stream import TrainingStream
from hrmlab.runs.directory import RunDirectory
from hrmlab.training.progression import HaltingProgression


def test_nothing_changes_by_default() -> None:
    plain = HaltingProgression(steps=10)
    assert [plain.max_segments(step, 16) for step in range(10)] == [16] * 10
    assert [plain.exploration(step, 0.1) for step in range(10)] == [0.1] * 10


def test_segments_grow_from_one_to_all_over_the_curriculum() -> None:
    growing = HaltingProgression(steps=16, curriculum=0.5)
    assert [growing.max_segments(step, 5) for step in range(16)] == [1, 1, 2, 2, 3, 3, 4, 4, *[5] * 8]
    assert [growing.max_segments(step, 1) for step in range(16)] == [1] * 16


def test_exploration_falls_in_a_line_and_stays_at_nothing() -> None:
    falling = HaltingProgression(steps=8, annealing=0.5)
    assert [falling.exploration(step, 0.4) for step in range(8)] == pytest.approx([0.4, 0.3, 0.2, 0.1, 0, 0, 0, 0])


@pytest.mark.slow
def test_training_follows_the_curriculum(train_run: Callable[..., RunDirectory]) -> None:
    words = ("model=hrm", "model.halting=false", "model.max_segments=4", "training.steps=8", "training.log_every_steps=8")
    # Never deciding by itself, every slot halts at the cap: 1 1 1 2 2 2 3 3 of the eight steps, so that five times examples are drawn.
    for options, refills in (((), 2), (("training.halting_curriculum=1.0",), 5)):
        run = train_run(*words, *options)
        rows = [line.split(",") for line in run.metrics_file.read_text().splitlines()[1:]]
        (drawn,) = [float(value) for _, _, metric, value in rows if metric == "train/examples_drawn"]
        assert drawn == refills * run.config["training"]["batch_size"]


def test_training_draws_from_the_easiest_mazes_at_first(train_run: Callable[..., RunDirectory]) -> None:
    recipe = ("model=transformer", "regime=shallow", "data=maze", "training.steps=10", "training.batch_size=8")
    seen: list[list[float]] = []
    original = TrainingStream.draw

    def spy(self: TrainingStream, wanted: Tensor, current: Batch, *, step: int) -> Batch:
        batch = original(self, wanted, current, step=step)
        seen.append([float((row == PATH).sum()) for row in batch.labels])
        assert step == len(seen) - 1
        return batch

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingStream, "draw", spy)
        train_run(*recipe, "data.side=8", "training.curriculum_share=0.9", "training.curriculum_start=0.1")
    longest = [max(row) for row in seen]
    assert longest[0] == min(longest)
    assert max(longest[:3]) < max(longest[7:])
    assert sum(map(sum, seen[:3])) < sum(map(sum, seen[7:]))


def test_a_curriculum_needs_ratings_that_differ(train_run: Callable[..., RunDirectory]) -> None:
    with pytest.raises(UserError, match="data=sudoku all 64 have the rating 0"):  # a 4x4 Sudoku never needs a guess
        train_run("training.curriculum_share=0.5")


def test_training_follows_the_annealing(train_run: Callable[..., RunDirectory]) -> None:
    words = ("model=hrm", "model.exploration=1.0", "training.steps=4", "training.exploration_annealing=1.0")
    seen: list[float] = []
    original = HaltingProgression.exploration

    def spy(self: HaltingProgression, step: int, full: float) -> float:
        seen.append(original(self, step, full))
        return seen[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HaltingProgression, "exploration", spy)
        train_run(*words)
    assert seen == [1.0, 0.75, 0.5, 0.25]
