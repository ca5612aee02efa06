"""A step whose slots are computed in parts is the same step, and memory that runs out only makes more parts."""

import csv
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import command_server
from hrmlab.models.checkpoint import load_checkpoint
from hrmlab.runs.directory import LAST, RunDirectory

Train = Callable[..., RunDirectory]
HUNGRY = """\"\"\"A transformer that cannot be given more than so many examples at a time once it has made three steps.\"\"\"

import torch
from hrmlab.models.transformer import Transformer

steps = []


class Hungry(Transformer):
    def forward(self, carry, batch, state=None):
        if self.training:
            steps.append(len(batch.inputs))
            if len(batch.inputs) > 2 and len(steps) > 3:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return super().forward(carry, batch, state)
"""


def weights(run: RunDirectory) -> dict[str, torch.Tensor]:
    return load_checkpoint(run.checkpoints / LAST)["state_dict"]


def training_rows(run: RunDirectory) -> list[tuple[int, str, float]]:
    """(step, metric, value) logged of the steps, without times. A validation counts answers, which a last digit may flip."""
    rows = csv.DictReader(run.metrics_file.read_text().splitlines())
    kept = [row for row in rows if row["metric"].startswith("train/") and "second" not in row["metric"]]
    return [(int(row["step"]), row["metric"], float(row["value"])) for row in kept]


@pytest.mark.parametrize(
    "words",
    [
        ("model=hrm",),
        ("model=hrm", "model.random_start=1", "model.state_noise=0.01", "training.loss_terms.segment_cost=0.01"),
        pytest.param(("model=hrm", "training.ema_decay=0.9"), marks=pytest.mark.slow),  # not Muon, which rounds to bfloat16 inside
        pytest.param(("model=trm",), marks=pytest.mark.slow),
        pytest.param(("model=transformer",), marks=pytest.mark.slow),
        pytest.param(("model=enhanced_hrm",), marks=pytest.mark.slow),
    ],
)
def test_steps_in_parts_are_the_steps_of_the_whole(words: tuple[str, ...], train_run: Train) -> None:
    shape = (*words, "training.steps=6", "training.gradient_clip=1.0")
    whole, parts = train_run(*shape, "arm=whole"), train_run(*shape, "arm=parts", "training.gradient_accumulation=4")
    ours, theirs = weights(parts), weights(whole)
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        torch.testing.assert_close(ours[name], tensor, rtol=0, atol=2e-5, msg=name)
    left, right = training_rows(parts), training_rows(whole)
    assert [row[:2] for row in left] == [row[:2] for row in right]
    assert [row[2] for row in left] == pytest.approx([row[2] for row in right], rel=1e-3, abs=1e-4)
    summary = parts.read_json("summary.json")
    assert summary is not None
    assert summary["training"]["gradient_accumulation"] == 4
    assert summary["training"]["segments"] == 48


@pytest.mark.slow
def test_parts_in_bf16_share_one_copy_of_the_weights(train_run: Train) -> None:
    shape = ("model=hrm", "training.steps=1", "training.precision=bf16")
    whole, parts = train_run(*shape, "arm=whole"), train_run(*shape, "arm=parts", "training.gradient_accumulation=2")
    left, right = ({name: value for _, name, value in training_rows(run)} for run in (parts, whole))
    assert left["train/loss"] == pytest.approx(right["train/loss"], rel=1e-2)


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return command_server.run("hrmlab.cli.train", *words, cwd=folder)


@pytest.mark.slow
def test_two_processes_in_parts_take_the_step_of_one(tmp_path: Path, tiny_overrides: tuple[str, ...]) -> None:
    shape = ("model=transformer", "training.steps=6", "trainer.progress_bar=false")
    for name, words in {"one": (), "two": ("trainer=ddp_cpu", "trainer.devices=2", "training.gradient_accumulation=2")}.items():
        result = command(tmp_path, f"output_root={name}", *tiny_overrides, *shape, *words)
        assert result.returncode == 0, result.stderr
    one, two = (next((tmp_path / name).rglob("COMPLETED")).parent for name in ("one", "two"))
    ours, theirs = (load_checkpoint(path / "checkpoints" / LAST)["state_dict"] for path in (two, one))
    for name, tensor in theirs.items():
        torch.testing.assert_close(ours[name], tensor, rtol=0, atol=2e-5, msg=name)


@pytest.mark.slow
def test_memory_that_runs_out_in_mid_run_makes_more_parts_and_the_same_weights(tmp_path: Path, tiny_overrides: tuple[str, ...]) -> None:
    mine = tmp_path / "mine"
    (mine / "model").mkdir(parents=True)
    (mine / "hungry_model.py").write_text(HUNGRY)
    yaml = (Path(__file__).parents[2] / "conf/model/transformer.yaml").read_text()
    (mine / "model/hungry.yaml").write_text(
        yaml.replace("name: transformer", "name: hungry").replace("hrmlab.models.transformer.Transformer", "hungry_model.Hungry")
    )
    shape = (*tiny_overrides, "training.steps=6", "training.checkpoint_every_steps=2", "trainer.progress_bar=false")
    result = command(tmp_path, "--config-dir", str(mine), "model=hungry", "output_root=hungry", *shape)
    assert result.returncode == 0, result.stderr
    assert "out of memory: 8 slots are computed in 2 parts from here on" in result.stderr
    assert "out of memory: 8 slots are computed in 4 parts from here on (training.gradient_accumulation=4)" in result.stderr
    assert "Traceback" not in result.stderr
    plain = command(tmp_path, "model=transformer", "output_root=plain", *shape)
    assert plain.returncode == 0, plain.stderr
    hungry, whole = (RunDirectory.open(next((tmp_path / name).rglob("COMPLETED")).parent) for name in ("hungry", "plain"))
    for name, tensor in weights(whole).items():
        torch.testing.assert_close(weights(hungry)[name], tensor, rtol=0, atol=2e-5, msg=name)
    summary = hungry.read_json("summary.json")
    assert summary is not None
    assert summary["training"]["gradient_accumulation"] == 4
    assert [row[:2] for row in training_rows(hungry)] == [row[:2] for row in training_rows(whole)]  # none twice


def test_parts_that_do_not_divide_the_slots_are_refused(tmp_path: Path, tiny_overrides: tuple[str, ...]) -> None:
    result = command(tmp_path, f"output_root={tmp_path}", *tiny_overrides, "training.gradient_accumulation=3")
    assert result.returncode == 2
    assert "training.gradient_accumulation=3 does not divide the 8 slots of a process; nearest is 2" in result.stderr
    assert "Traceback" not in result.stderr
