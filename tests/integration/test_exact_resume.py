"""A run that was stopped and resumed ends with the very weights of one that was not."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch

from hrmlab.data.sudoku.generator import generate
from hrmlab.models.checkpoint import load_checkpoint
from hrmlab.runs.directory import LAST, PREVIOUS, RunDirectory
from hrmlab.training.callbacks import save

STEPS = 14
RECIPES = {
    "hrm, ema": ("model=hrm", "training.ema_decay=0.9", "model.puzzle_embedding_size=16"),
    "hrm, bf16, muon": ("model=hrm", "training.precision=bf16", "optimizer=muon"),
    "hrm, muon, rates of parts": ("model=hrm", "optimizer=muon", "optimizer.learning_rates={H:1e-3,embeddings:1e-2,heads:2e-2}"),
    "deep supervision, adamw, clipping": ("model=deep_supervision_transformer", "optimizer=adamw", "training.gradient_clip=0.5"),
    "trm, started anywhere and disturbed": ("model=trm", "model.random_start=1", "model.state_noise=0.1", "model.damping=0.05"),
    "hrm, further losses": (
        "model=hrm",
        "training.loss_terms.segment_cost=0.1",
        "training.loss_terms.segment_consistency=0.1",
        "training.loss_terms.state_diversity=0.1",
    ),
    "transformer, ema": ("model=transformer", "training.ema_decay=0.9"),
}
CODE = ("data=synthetic_code", "data.layout=packed", "model=hrm", "regime=shallow", "training.loss=softmax", "training.ema_decay=0.9")


class _Stop:
    """Sends this process SIGTERM after some step of training."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
        self.at, self.armed = at, True
        original = save.SaveCheckpoints.on_train_batch_start

        def hook(callback: Any, trainer: pl.Trainer, *arguments: Any) -> None:
            if self.armed and trainer.global_step == self.at:
                self.armed = False
                os.kill(os.getpid(), signal.SIGTERM)
            original(callback, trainer, *arguments)

        monkeypatch.setattr(save.SaveCheckpoints, "on_train_batch_start", hook)


def everything(run: RunDirectory) -> dict[str, Any]:
    checkpoint = load_checkpoint(run.checkpoints / LAST)
    for name in ("seconds", "cpu_seconds", "busy_seconds"):
        checkpoint["training"][name] = 0.0
    return checkpoint


def assert_same(one: Any, other: Any, where: str = "checkpoint") -> None:
    """Equal to the last bit, through all containers."""
    assert type(one) is type(other), where
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            assert_same(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for number, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_same(a, b, f"{where}[{number}]")
    else:
        assert one == other, where


def rows(run: RunDirectory) -> list[tuple[str, str, str]]:
    """metrics.csv without the columns and metrics that tell the time."""
    lines = [line.split(",") for line in run.metrics_file.read_text().splitlines()[1:]]
    return [(step, metric, value) for step, _, metric, value in lines if not metric.endswith(("_per_second", "cpu_seconds"))]


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
@pytest.mark.parametrize("stop_at", [5, pytest.param(8, marks=pytest.mark.slow)])
def test_stopped_and_resumed(
    recipe: tuple[str, ...], stop_at: int, train_run: Callable[..., RunDirectory], monkeypatch: pytest.MonkeyPatch
) -> None:
    overrides = (f"training.steps={STEPS}", *recipe)
    assert_resumes_exactly(lambda: train_run(*overrides), stop_at, train_run, monkeypatch)


@pytest.mark.slow
def test_a_curriculum_over_weighted_rows_stopped_and_resumed(
    train_run: Callable[..., RunDirectory], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    questions, answers, _ = generate(130, side=4, seed=9)
    lines = [
        f"{''.join(map(str, question))},{''.join(map(str, answer))},{row % 20},{1 + row % 3}"
        for row, (question, answer) in enumerate(zip(questions.tolist(), answers.tolist(), strict=True))
    ]
    (tmp_path / "rated.csv").write_text("\n".join(["question,answer,rating,weight", *lines]))
    # Until step 8.4 of 14 from the easiest alone: stopped in the middle of it, of an epoch, and with slots that have not halted.
    recipe = ("model=hrm", "data.source=file", f"data.path={tmp_path}/rated.csv", "data.fixed_views=3", "training.curriculum_start=0.1")
    overrides = (f"training.steps={STEPS}", *recipe)
    assert_resumes_exactly(lambda: train_run(*overrides, "training.curriculum_share=0.6"), 5, train_run, monkeypatch)
    hashes = {}
    for path in tmp_path.rglob("data.json"):
        about = json.loads(path.read_text())
        assert "in proportion to the column weight" in about["protocol"]
        hashes[about["order_hash"]] = path
    assert len(hashes) == 1


@pytest.mark.slow
def test_a_packed_run_of_code_stopped_and_resumed(
    train_run: Callable[..., RunDirectory], compose_config: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = compose_config(f"output_root={tmp_path}", f"training.steps={STEPS}", *CODE, family="code")
    assert_resumes_exactly(lambda: train_run(config=config), 8, train_run, monkeypatch)


def assert_resumes_exactly(
    start: Callable[[], RunDirectory], stop_at: int, train_run: Callable[..., RunDirectory], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run once through and once with a stop, and compare everything that the two leave behind."""
    straight = start()
    _Stop(monkeypatch, stop_at)
    with pytest.raises(KeyboardInterrupt):
        start()
    (stopped,) = [run for run in _siblings(straight) if run.state == "interrupted"]
    assert load_checkpoint(stopped.checkpoints / LAST)["global_step"] == stop_at
    train_run(run=stopped)
    assert stopped.state == straight.state == "completed"

    one, other = everything(straight), everything(stopped)
    for part in ("state_dict", "optimizer_states", "lr_schedulers", "training", "callbacks", "global_step"):
        assert_same(one[part], other[part], part)
    if "current_model_state" in one:
        assert_same(one["current_model_state"], other["current_model_state"])
    assert rows(straight) == rows(stopped)
    assert straight.read_json("summary.json")["test"] == stopped.read_json("summary.json")["test"]  # type: ignore[index]


@pytest.mark.slow
def test_a_killed_run_goes_on_from_its_last_periodic_checkpoint(
    train_run: Callable[..., RunDirectory], monkeypatch: pytest.MonkeyPatch
) -> None:
    overrides = (f"training.steps={STEPS}", "training.checkpoint_every_steps=3", "training.ema_decay=0.9")
    straight = train_run(*overrides)

    class Killed(BaseException):
        """Stands for kill -9: nothing of the program's own runs after it."""

    def die(callback: Any, trainer: pl.Trainer, *arguments: Any) -> None:
        if trainer.global_step == 8:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(save.SaveCheckpoints, "on_train_batch_end", die)
        with pytest.raises(Killed):
            train_run(*overrides)
    (stopped,) = [run for run in _siblings(straight) if run.state == "interrupted"]
    assert load_checkpoint(stopped.checkpoints / LAST)["global_step"] == 6
    assert load_checkpoint(stopped.checkpoints / PREVIOUS)["global_step"] == 3
    (stopped.checkpoints / LAST).write_bytes(b"torn")  # a torn file is passed over for the one before it
    train_run(run=stopped)
    assert_same(everything(straight)["current_model_state"], everything(stopped)["current_model_state"])
    assert rows(straight) == rows(stopped)


def test_checkpoints_load_under_weights_only_and_hold_the_whole_state(train_run: Callable[..., RunDirectory]) -> None:
    run = train_run("training.steps=3", "training.ema_decay=0.9")
    for name in ("last.ckpt", "best.ckpt"):
        checkpoint = torch.load(run.checkpoints / name, weights_only=True)
        assert {"state_dict", "current_model_state", "optimizer_states", "lr_schedulers", "training"} <= checkpoint.keys()
        assert {"slots", "stream", "totals"} == checkpoint["training"]["ranks"][0].keys()
    assert not list(run.checkpoints.glob(".*"))


def _siblings(run: RunDirectory) -> list[RunDirectory]:
    return [RunDirectory.open(path) for path in sorted(Path(run.path).parent.iterdir()) if path != run.path]
