"""Training end to end: what a run leaves behind, loggers, compilation, and the ways it can fail."""

import json
import math
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import wandb

import command_server
from hrmlab.core.errors import TrainingFailed, UserError
from hrmlab.models.checkpoint import load_checkpoint
from hrmlab.runs.directory import RunDirectory
from hrmlab.training import losses
from offline_wandb import records

Train = Callable[..., RunDirectory]
ARMS = ("hrm", "transformer", "deep_supervision_transformer")


@pytest.mark.parametrize("arm", ARMS)
def test_a_run_directory_holds_the_whole_record(arm: str, train_run: Train) -> None:
    run = train_run(f"model={arm}", "training.steps=6", "evaluation.beyond=4")
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
    assert {entry["name"]: entry["count"] for entry in data["trivial"]} == dict.fromkeys(
        ["copy the input", "most frequent token", "most frequent token by position", "guess among candidates", "fill by elimination"], 30
    )
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


@pytest.mark.slow
def test_thinking_beyond_the_cap_changes_no_measure(train_run: Train) -> None:
    short, long = (train_run("training.steps=4", f"evaluation.beyond={beyond}") for beyond in (1, 3))
    one, other = (run.read_json("summary.json")["test"] for run in (short, long))  # type: ignore[index]
    assert other["segments_run"] == 3 * one["segments_run"] == 3 * one["segments_cap"]
    assert one == other | {"segments_run": one["segments_run"]}
    before, after = (pd.read_parquet(run.predictions_file) for run in (short, long))
    pd.testing.assert_frame_equal(before.drop(columns="exact_by_segment"), after.drop(columns="exact_by_segment"))
    for few, many in zip(before["exact_by_segment"], after["exact_by_segment"], strict=True):
        assert list(few) == list(many[: len(few)])


@pytest.mark.slow
def test_arms_of_a_seed_see_the_same_data_and_another_seed_another_order(train_run: Train) -> None:
    runs = [train_run(f"model={arm}", "training.steps=1") for arm in ARMS] + [train_run("seed=1", "training.steps=1")]
    data = [run.read_json("data.json") or {} for run in runs]
    assert len({json.dumps(one["splits"]) for one in data}) == 1
    assert len({one["order_hash"] for one in data[:3]}) == 1
    assert data[3]["order_hash"] != data[0]["order_hash"]


@pytest.mark.slow
def test_parts_learn_at_rates_of_their_own_and_the_log_says_which(train_run: Train) -> None:
    rates = ("optimizer.learning_rates={H:1e-3,embeddings:2e-3}", "optimizer.learning_rate=4e-3", "optimizer.schedule=linear")
    run = train_run("training.steps=6", "training.log_every_steps=3", *rates, "optimizer.final_learning_rate_ratio=0.0")
    assert run.config["optimizer"]["learning_rates"] == {"H": 1e-3, "embeddings": 2e-3}
    metrics = pd.read_csv(run.metrics_file)
    # Two steps of warm-up, then in a line to zero at step 6: half of the peak is left after 4 steps, a quarter of the way after 3.
    for name, peak in (("", 4e-3), ("/H", 1e-3), ("/embeddings", 2e-3)):
        rows = metrics[metrics["metric"] == f"train/learning_rate{name}"]
        np.testing.assert_allclose(np.asarray(rows["value"]), [peak * 0.75, 0.0], atol=1e-12)
    plain = pd.read_csv(train_run("training.steps=2").metrics_file)
    assert not any(str(name).startswith("train/learning_rate/") for name in plain["metric"])


@pytest.mark.slow
def test_learning_happens(train_run: Train) -> None:
    run = train_run("model=transformer", "regime=shallow", "training.steps=60", "optimizer.learning_rate=0.01", "data.difficulty=easy")
    metrics = pd.read_csv(run.metrics_file)
    loss = np.asarray(metrics[metrics["metric"] == "train/loss"]["value"])
    assert loss[-5:].mean() < 0.8 * loss[:3].mean()


@pytest.mark.slow
def test_random_starts_and_noise_disturb_a_run_and_belong_to_its_seed(train_run: Train) -> None:
    def weights(*overrides: str) -> torch.Tensor:
        run = train_run("model=trm", "regime=brief", "training.steps=3", "optimizer.warmup_steps=0", *overrides)
        state = load_checkpoint(run.checkpoints / "last.ckpt")["state_dict"]
        return torch.cat([value.flatten().double() for value in state.values() if value.is_floating_point()])

    plain, started, disturbed = weights(), weights("model.random_start=1"), weights("model.state_noise=0.1")
    assert not torch.equal(started, plain)
    assert not torch.equal(disturbed, plain)
    assert torch.equal(weights("model.state_noise=0.1"), disturbed)


OWN_TERM = """
from torch import Tensor

from hrmlab.training.terms.term import LossTerm, Segment


class LargestLogit(LossTerm):
    def __init__(self, *, power: int) -> None:
        self.power = power

    def __call__(self, segment: Segment) -> Tensor:
        return segment.prediction.logits.amax(dim=(1, 2)) ** self.power
"""


@pytest.mark.slow
def test_losses_of_ones_own_and_built_in_ones_are_learned_and_logged(tmp_path: Path, tiny_overrides: tuple[str, ...]) -> None:
    mine = tmp_path / "mine"
    (mine / "experiments").mkdir(parents=True)
    (mine / "my_losses.py").write_text(OWN_TERM)
    (mine / "experiments" / "own.yaml").write_text(
        "# @package _global_\ntraining:\n  loss_terms:\n    largest: {_target_: my_losses.LargestLogit, weight: 0.1, power: 2}\n"
    )
    built_in = ("segment_cost", "segment_consistency", "state_diversity")
    terms = [f"training.loss_terms.{name}=0.1" for name in built_in]
    words = ["experiments=own", "model=hrm", "regime=shallow", "training.steps=8", *tiny_overrides, *terms]

    def train(*overrides: str) -> "subprocess.CompletedProcess[str]":
        return command_server.run("hrmlab.cli.train", "--config-dir", str(mine), *overrides, cwd=tmp_path)

    done = train(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = tmp_path.glob("outputs/**/metrics.csv")
    metrics = pd.read_csv(file)
    for name in ("largest", *built_in):
        values = np.asarray(metrics[metrics["metric"] == f"train/loss/{name}"]["value"])
        assert len(values) == 4, name
        assert np.isfinite(values).all()
        assert (values > 0).any(), name
    assert f"python_path: {mine}" in (file.parent / "config.yaml").read_text(), "so that the class is found again"
    resumed = train(f"extend={file.parent}", "training.steps=9")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    refused = train(*words, "model=transformer")
    assert refused.returncode == 2
    assert "training.loss_terms.segment_" in refused.stdout + refused.stderr
    assert "Traceback" not in refused.stdout + refused.stderr


@pytest.mark.slow
# Two warnings of torch's compiler about torch's own code.
@pytest.mark.filterwarnings("ignore:.*torch.jit.script_method.*is deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")
@pytest.mark.parametrize("arm", ["hrm", "deep_supervision_transformer"])
def test_compiled_training_agrees_with_eager(arm: str, train_run: Train) -> None:
    shape = (f"model={arm}", "training.steps=3", "training.log_every_steps=1", "training.validate_every_steps=3")
    eager = pd.read_csv(train_run(*shape).metrics_file)
    compiled = pd.read_csv(train_run(*shape, "training.compile=true").metrics_file)
    one, two = (np.asarray(frame[frame["metric"] == "train/loss"]["value"]) for frame in (eager, compiled))
    np.testing.assert_allclose(one, two, rtol=1e-3)


@pytest.mark.slow
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


def wandb_summary(run: RunDirectory) -> dict[str, Any]:
    """What the offline file of a run's only W&B run says: its metrics and summary, its group, and how it ended.

    W&B's service is a process of its own and closes the file a little later than ``finish`` returns where the machine is busy.
    """
    wandb.finish()
    (path,) = (run.path / "wandb").glob("offline-run-*/*.wandb")
    deadline = time.monotonic() + 60
    while True:
        found: dict[str, Any] = {}
        for record in records(path):
            for item in (*record.history.item, *record.summary.update):
                found[item.key or "/".join(item.nested_key)] = json.loads(item.value_json)
            if record.HasField("run"):
                found["group"] = record.run.run_group
            if record.HasField("exit"):
                found["exit"] = record.exit.exit_code
        if "exit" in found or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


def tensorboard_outcome(run: RunDirectory) -> tuple[set[str], dict[str, float]]:
    """The settings that the event files name as hyperparameters, and the last value of every scalar."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData  # pyright: ignore[reportAttributeAccessIssue] (made by protoc)

    settings, values = set(), {}
    for path in (run.path / "tensorboard").glob("events.*"):
        events = EventAccumulator(str(path))
        events.Reload()
        values |= {name: events.Scalars(name)[-1].value for name in events.Tags()["scalars"]}
        for content in events.summary_metadata.values() if "_hparams_/session_start_info" in events.summary_metadata else ():
            if content.plugin_data.plugin_name == "hparams":
                data = HParamsPluginData.FromString(content.plugin_data.content)
                settings |= set(data.session_start_info.hparams)
    return settings, values


@pytest.mark.slow
def test_several_loggers_at_once_get_scores_budget_and_cost_of_every_job(train_run: Train) -> None:
    for seed in (0, 1):
        run = train_run("training.steps=2", "logger=[wandb,tensorboard]", f"seed={seed}")
        summary, budget = run.read_json("summary.json"), run.read_json("budget.json")
        assert summary is not None
        assert budget is not None
        expected = {
            "test/exact_accuracy": summary["test"]["exact_accuracy"],
            "test/halting/cell_accuracy": summary["test"]["halting/cell_accuracy"],
            "validation/breaks_no_rule": summary["validation"]["breaks_no_rule"],
            "training/wall_seconds": summary["training"]["wall_seconds"],
            "training/flops": summary["training"]["flops"],
            "budget/parameters": budget["parameters"],
        }
        told = wandb_summary(run)
        assert (told["group"], told["exit"]) == ("default", 0)
        settings, scalars = tensorboard_outcome(run)
        for name, value in expected.items():
            assert told[name] == pytest.approx(value), name
            assert scalars[name] == pytest.approx(value, rel=1e-6), name
        assert {"train/loss", "val/exact_accuracy"} <= {*told} & {*scalars}
        assert {"model.name", "training.steps", "seed"} <= settings
        assert run.config["logger"] == {"wandb": True, "project": "hrmlab", "entity": None, "mode": "offline", "tensorboard": True}
        (records_kept,) = (run.path / "wandb").glob(f"offline-run-*/files/{run.path.name}")
        held = {path.name for path in records_kept.iterdir()}
        assert held >= {"COMPLETED", "run.json", "config.yaml", "metrics.csv", "predictions.parquet"}


def test_a_run_that_fails_is_closed_as_failed(train_run: Train, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(losses, "token_losses", lambda logits, *rest: logits.sum(-1) * math.nan)
    with pytest.raises(TrainingFailed):
        train_run("training.steps=4", "logger=wandb")
    (path,) = tmp_path.rglob("FAILED")
    told = wandb_summary(RunDirectory.open(path.parent))
    assert told["exit"] == 1
    assert "test/exact_accuracy" not in told


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


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_computing_blocks_again_changes_no_bit_of_a_run(precision: str, train_run: Train) -> None:
    shape = ("training.steps=4", "training.ema_decay=0.9", f"training.precision={precision}")
    plain, again = train_run(*shape), train_run(*shape, "training.gradient_checkpointing=true")
    one, two = (load_checkpoint(run.checkpoints / "last.ckpt")["state_dict"] for run in (plain, again))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
