"""Training end to end: what a run leaves behind, loggers, compilation, and the ways it can fail."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from hrmlab.core.errors import TrainingFailed, UserError
from hrmlab.models.checkpoint import load_checkpoint
from hrmlab.runs.directory import RunDirectory
from hrmlab.training import losses

Train = Callable[..., RunDirectory]
ARMS = ("hrm", "transformer", "deep_supervision_transformer")


@pytest.mark.parametrize("arm", ARMS)
def test_a_run_directory_holds_the_whole_record(arm: str, train_run: Train) -> None:
    run = train_run(f"model={arm}", "training.steps=6")
    assert run.state == "completed"
    summary, budget, data = (run.read_json(name) for name in ("summary.json", "budget.json", "data.json"))
    assert summary is not None
    assert budget is not None
    assert data is not None
    assert summary["test"]["count"] == 30
    assert summary["validation"]["count"] == 20
    assert summary["training"]["steps"] == 6
    assert summary["training"]["segments"] == 48
    assert summary["training"]["flops"] == 48 * budget["flops_per_training_segment"]
    assert abs(budget["gap"]) <= 0.01
    assert data["overlap"] == dict.fromkeys(data["overlap"], 0)
    table = pd.read_parquet(run.predictions_file)
    assert list(table["index"]) == list(range(30))
    assert np.mean(table["exact"]) == pytest.approx(summary["test"]["exact_accuracy"])
    assert np.mean(table["cell_accuracy"]) == pytest.approx(summary["test"]["cell_accuracy"])
    metrics = pd.read_csv(run.metrics_file)
    assert {"train/loss", "train/learning_rate", "val/exact_accuracy", "val/halting/exact_accuracy", "val/breaks_no_rule"} <= set(
        metrics["metric"]
    )
    cap, run_segments = summary["test"]["segments_cap"], summary["test"]["segments_run"]
    by_segment = np.stack(list(table["exact_by_segment"]))
    assert by_segment.shape == (30, run_segments)
    assert np.array_equal(by_segment[:, cap - 1], table["exact"])
    assert run_segments == (1 if arm == "transformer" else 4 * cap)
    effort, cpu = summary["training"], np.asarray(metrics[metrics["metric"] == "train/cpu_seconds"]["value"])
    assert 0 < cpu[-1] <= effort["cpu_seconds"]
    assert effort["other_load"] is None or 0 <= effort["other_load"] <= 1
    if arm == "transformer":
        assert summary["training"]["examples_drawn"] == 48
        assert set(np.asarray(table["segments"])) == {1}
        assert "halting_accuracy" not in summary["test"]


def test_thinking_beyond_the_cap_changes_no_measure(train_run: Train) -> None:
    short, long = (train_run("training.steps=4", f"evaluation.beyond={beyond}") for beyond in (1, 3))
    one, other = (run.read_json("summary.json")["test"] for run in (short, long))  # type: ignore[index]
    assert other["segments_run"] == 3 * one["segments_run"] == 3 * one["segments_cap"]
    assert one == other | {"segments_run": one["segments_run"]}
    before, after = (pd.read_parquet(run.predictions_file) for run in (short, long))
    pd.testing.assert_frame_equal(before.drop(columns="exact_by_segment"), after.drop(columns="exact_by_segment"))
    for few, many in zip(before["exact_by_segment"], after["exact_by_segment"], strict=True):
        assert list(few) == list(many[: len(few)])


def test_arms_of_a_seed_see_the_same_data_and_another_seed_another_order(train_run: Train) -> None:
    runs = [train_run(f"model={arm}", "training.steps=1") for arm in ARMS] + [train_run("seed=1", "training.steps=1")]
    data = [run.read_json("data.json") or {} for run in runs]
    assert len({json.dumps(one["splits"]) for one in data}) == 1
    assert len({one["order_hash"] for one in data[:3]}) == 1
    assert data[3]["order_hash"] != data[0]["order_hash"]


def test_learning_happens(train_run: Train) -> None:
    run = train_run("model=transformer", "regime=shallow", "training.steps=60", "optimizer.learning_rate=0.01", "data.difficulty=easy")
    metrics = pd.read_csv(run.metrics_file)
    loss = np.asarray(metrics[metrics["metric"] == "train/loss"]["value"])
    assert loss[-5:].mean() < 0.8 * loss[:3].mean()


# Two warnings of torch's compiler about torch's own code.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit.script_method.*is deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")
@pytest.mark.parametrize("arm", ["hrm", "deep_supervision_transformer"])
def test_compiled_training_agrees_with_eager(arm: str, train_run: Train) -> None:
    shape = (f"model={arm}", "training.steps=3", "training.log_every_steps=1", "training.validate_every_steps=3")
    eager = pd.read_csv(train_run(*shape).metrics_file)
    compiled = pd.read_csv(train_run(*shape, "training.compile=true").metrics_file)
    one, two = (np.asarray(frame[frame["metric"] == "train/loss"]["value"]) for frame in (eager, compiled))
    np.testing.assert_allclose(one, two, rtol=1e-3)


def test_bf16_stays_close_to_fp32(train_run: Train) -> None:
    shape = ("training.steps=4", "training.log_every_steps=1")
    exact, short = (pd.read_csv(train_run(*shape, f"training.precision={name}").metrics_file) for name in ("fp32", "bf16"))
    one, two = (np.asarray(frame[frame["metric"] == "train/loss"]["value"]) for frame in (exact, short))
    np.testing.assert_allclose(one, two, rtol=0.05)


def test_a_loss_that_is_not_finite_fails_the_run_and_keeps_the_last_good_checkpoint(
    train_run: Train, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    original, calls = losses.token_losses, []

    def sabotaged(*arguments: Any) -> torch.Tensor:
        calls.append(1)
        return original(*arguments) * (math.nan if len(calls) == 6 else 1.0)

    monkeypatch.setattr(losses, "token_losses", sabotaged)
    with pytest.raises(TrainingFailed) as caught:
        train_run("training.steps=20", "training.checkpoint_every_steps=3", "training.validate_every_steps=10")
    failure = caught.value
    assert failure.step == 5
    assert "learning_rate" in failure.hint
    assert failure.last_checkpoint is not None
    checkpoint = load_checkpoint(Path(failure.last_checkpoint))
    assert checkpoint["global_step"] == 3
    assert all(torch.isfinite(tensor).all() for tensor in checkpoint["state_dict"].values())
    (path,) = tmp_path.rglob("FAILED")
    assert json.loads(path.read_text())["step"] == 5


def test_wandb_gets_one_run_for_every_job(train_run: Train) -> None:
    folders = []
    for seed in (0, 1):
        run = train_run("training.steps=2", "logger=wandb", f"seed={seed}")
        folders.append(list((run.path / "wandb").glob("offline-run-*")))
        (records,) = folders[-1][0].glob(f"files/{run.path.name}")
        assert {path.name for path in records.iterdir()} >= {"COMPLETED", "run.json", "config.yaml", "metrics.csv", "predictions.parquet"}
    assert [len(found) for found in folders] == [1, 1]


def test_tensorboard(train_run: Train) -> None:
    run = train_run("training.steps=2", "logger=tensorboard")
    assert list((run.path / "tensorboard").glob("events.*"))


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("trainer=gpu",), ("CUDA", "trainer=cpu")),
        (("training.batch_size=9", "trainer=ddp_cpu", "trainer.devices=2"), ("training.batch_size=9", "nearest is 8")),
        (("size.parameters=50",), ("size.parameters=50", "larger size")),
        (("model.hidden_size=50",), ("model.hidden_size=50", "nearest is 48")),
    ],
)
def test_mistakes_are_answered_in_a_sentence(overrides: tuple[str, ...], words: tuple[str, ...], train_run: Train) -> None:
    if "trainer=gpu" in overrides and torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    with pytest.raises(UserError) as caught:
        train_run("training.steps=1", *overrides)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("arm", ARMS)
def test_on_a_gpu_without_host_synchronisation_in_a_step(arm: str, train_run: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    from hrmlab.training.module import SegmentTraining

    original = SegmentTraining.training_step

    def watched(module: SegmentTraining, *arguments: Any) -> torch.Tensor:
        if module.trainer.global_step < 2:
            return original(module, *arguments)
        torch.cuda.set_sync_debug_mode("error")
        try:
            return original(module, *arguments)
        finally:
            torch.cuda.set_sync_debug_mode("default")

    monkeypatch.setattr(SegmentTraining, "training_step", watched)
    run = train_run(f"model={arm}", "trainer=gpu", "training.steps=10", "training.precision=bf16")
    assert run.state == "completed"
