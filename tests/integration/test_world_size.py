"""The same run by one, two and three processes: it draws the same examples, learns the same, and scores the same to the last digit."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from test_exact_resume import assert_same, everything, rows

from hrmlab.config.configuration import Configuration
from hrmlab.models.checkpoint import load_checkpoint
from hrmlab.runs.directory import LAST, RunDirectory
from hrmlab.runs.files import write_yaml
from hrmlab.workflows.launch import new_run
from ranks import run_together

pytestmark = pytest.mark.slow
SHAPE = ("training.batch_size=12", "training.steps=6", "data.test_examples=31", "trainer=ddp_cpu", "trainer.strategy=auto")
Together = Callable[..., RunDirectory]


@pytest.fixture
def together(tmp_path: Path, compose_config: Callable[..., dict[str, Any]]) -> Together:
    """Train with so many processes."""

    def train(processes: int, *overrides: str, family: str = "") -> RunDirectory:
        words = [*SHAPE, *overrides, f"trainer.devices={processes}", *(["trainer.strategy=ddp"] if processes > 1 else [])]
        config = compose_config(f"output_root={tmp_path / str(processes)}", *words, family=family)
        run = new_run(Configuration.from_plain(config), [])
        assert run_together(run.path, processes) == [0] * processes
        return run

    return train


def losses(run: RunDirectory) -> list[float]:
    rows = csv.DictReader(run.metrics_file.read_text().splitlines())
    return [float(row["value"]) for row in rows if row["metric"] == "train/loss"]


def slots(run: RunDirectory) -> dict[str, torch.Tensor]:
    """What stands in the slots of all processes, one after another."""
    ranks = load_checkpoint(run.checkpoints / LAST)["training"]["ranks"]
    return {name: torch.cat([rank["slots"]["tensors"][name] for rank in ranks]) for name in ("inputs", "labels", "segments", "halted")}


@pytest.mark.parametrize(
    "words",
    [
        ("model=transformer", "training.log_every_steps=1"),
        ("model=hrm", "training.log_every_steps=1", "model.puzzle_embedding_size=8", "training.gradient_clip=1.0"),
    ],
    ids=["one pass", "halting, with puzzle embeddings"],
)
def test_training_is_that_of_one_process(words: tuple[str, ...], together: Together) -> None:
    alone, *others = (together(processes, *words) for processes in (1, 2, 3))
    before = load_checkpoint(alone.checkpoints / LAST)["state_dict"]
    summary = alone.read_json("summary.json") or {}
    for run in others:
        assert losses(run) == pytest.approx(losses(alone), abs=1e-5)
        after = load_checkpoint(run.checkpoints / LAST)["state_dict"]
        for name, tensor in before.items():
            torch.testing.assert_close(after[name], tensor, rtol=0, atol=2e-5, msg=name)
        for name, tensor in slots(alone).items():
            assert torch.equal(slots(run)[name], tensor), name
        theirs = run.read_json("summary.json") or {}
        for key in ("examples_drawn", "segments", "steps"):
            assert theirs["training"][key] == summary["training"][key]
    assert summary["training"]["segments"] == 6 * 12


def everything_said(run: RunDirectory) -> tuple[dict[str, Any], pd.DataFrame]:
    """All that summary.json says of what was measured, and predictions.parquet."""
    summary = run.read_json("summary.json") or {}
    return {key: summary[key] for key in ("test", "other_tests", "validation")}, pd.read_parquet(run.predictions_file)


@pytest.mark.parametrize(
    ("words", "family"),
    [
        (("model=hrm", "evaluation.beyond=2", "evaluation.trajectories=2", "evaluation.noise=0.5", "evaluation.views=2"), ""),
        (("data=synthetic_code", "model=transformer", "data.test_examples=12", "evaluation.limit=12", "evaluation.batch_size=4"), "code"),
    ],
    ids=["several answers", "code"],
)
def test_scores_are_those_of_one_process_to_the_last_digit(words: tuple[str, ...], family: str, together: Together, tmp_path: Path) -> None:
    """Scored with the weights that one process has trained: two and three processes resume where it has nothing left to do but that."""
    alone = together(1, *words, "training.steps=2", family=family)
    measured, predictions = everything_said(alone)
    for processes in (2, 3):
        run = copied(alone, tmp_path / f"copy-{processes}", processes)
        assert run_together(run.path, processes) == [0] * processes
        theirs, table = everything_said(run)
        assert theirs == measured
        pd.testing.assert_frame_equal(table, predictions, check_exact=True)


def copied(run: RunDirectory, path: Path, processes: int) -> RunDirectory:
    """The run as it was before it was scored, to be scored by so many processes."""
    shutil.copytree(run.path, path)
    for name in ("COMPLETED", "summary.json", "predictions.parquet"):
        (path / name).unlink()
    copy = RunDirectory.open(path)
    config = {**copy.config, "trainer": {**copy.config["trainer"], "devices": processes, "strategy": "ddp"}}
    write_yaml(path / "config.yaml", config)
    last = load_checkpoint(path / "checkpoints" / LAST)
    rank = last["training"]["ranks"][0]
    last["training"]["ranks"] = [rank] * processes
    torch.save(last, path / "checkpoints" / LAST)
    return RunDirectory.open(path)


def test_stopped_and_resumed_by_two_processes(together: Together, compose_config: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    words = ("model=hrm", "training.steps=8", "training.ema_decay=0.9", "model.puzzle_embedding_size=8")
    straight = together(2, *words)
    config = compose_config(f"output_root={tmp_path / 'stopped'}", *SHAPE, *words, "trainer.devices=2", "trainer.strategy=ddp")
    stopped = new_run(Configuration.from_plain(config), [])
    assert run_together(stopped.path, 2, stop_at=4) == [130, 130]
    assert load_checkpoint(stopped.checkpoints / LAST)["global_step"] == 4  # a validation follows, before which all agree
    assert run_together(stopped.path, 2) == [0, 0]
    assert_same(everything(straight), everything(stopped))
    assert rows(straight) == rows(stopped)
    assert straight.read_json("summary.json")["test"] == stopped.read_json("summary.json")["test"]  # type: ignore[index]
