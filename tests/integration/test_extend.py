"""A finished run goes on as a new one: nothing of its course is lost, and the old record stays as it is."""

import pandas as pd
import pytest

from hrmlab.cli import train
from hrmlab.cli.command import guarded
from hrmlab.models.checkpoint import load_checkpoint
from hrmlab.runs.finding import find_runs


@pytest.fixture
def finished(tiny_overrides, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    constant = ("optimizer.final_learning_rate_ratio=1.0", "training.checkpoint_every_steps=5")
    assert train.command([*tiny_overrides, *constant, "training.steps=10", "regime=shallow", "regime.segments=2"]) == 0
    (run,) = find_runs("outputs", "default")
    return run, [*tiny_overrides, *constant, "regime=shallow", "regime.segments=2"]


@pytest.mark.slow
def test_an_extension_is_the_longer_run(finished, capsys):
    run, overrides = finished
    before = (run.path / "summary.json").read_bytes()
    assert train.command([f"extend={run.path}", "training.steps=20"]) == 0
    assert train.command([*overrides, "training.steps=20"]) == 0
    assert (run.path / "summary.json").read_bytes() == before
    longer = [found for found in find_runs("outputs", "default") if found.config["training"]["steps"] == 20]
    (extension,) = (found for found in longer if found.config["extends"] is not None)
    (straight,) = (found for found in longer if found.config["extends"] is None)
    assert extension.labels.arm.endswith(",steps=20,extended")
    assert extension.labels.arm != straight.labels.arm
    assert (extension.state, extension.config["extends"], extension.config["training"]["steps"]) == ("completed", str(run.path), 20)
    one, two = (load_checkpoint(found.checkpoints / "last.ckpt") for found in (extension, straight))
    assert one["global_step"] == two["global_step"] == 20
    assert all((one["state_dict"][name] == two["state_dict"][name]).all() for name in two["state_dict"])
    losses = [pd.read_csv(found.metrics_file).query("metric == 'train/loss'")["value"].tolist() for found in (extension, straight)]
    assert losses[0] == losses[1]


def test_what_cannot_be_extended_is_said(finished, capsys):
    run, _ = finished
    for words, parts in (
        (["training.steps=10"], ["training.steps=10 is not more than the 10 steps"]),
        (["training.steps=20", "model.h_cycles=3"], ["model.h_cycles=3 contradicts the run of extend="]),
        ([], ["is not more than the 10 steps"]),
    ):
        assert guarded(train.NAME, lambda words=words: train.command([f"extend={run.path}", *words])) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert all(part in said for part in parts), said
    (run.path / "COMPLETED").unlink()
    assert guarded(train.NAME, lambda: train.command([f"extend={run.path}", "training.steps=20"])) == 2
    assert f"hrm-train resume={run.path}" in capsys.readouterr().err
