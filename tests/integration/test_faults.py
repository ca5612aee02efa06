"""What a full disk, a read-only folder or a vanished file leave behind: a sentence, all earlier results, and a run that goes on."""

import errno
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hrmlab.config.configuration import Configuration
from hrmlab.core.errors import Unfinished, UserError, passing_cause
from hrmlab.models.checkpoint import load_checkpoint
from hrmlab.runs.directory import LAST, RunDirectory
from hrmlab.runs.finding import find_runs
from hrmlab.workflows.launch import execute, new_run
from hrmlab.workflows.prepare import prepare
from hrmlab.workflows.score import Scores

Compose = Callable[..., dict[str, Any]]
SHAPE = ("model=transformer", "training.steps=4", "training.checkpoint_every_steps=2", "study=s")


class Failing:
    """The n-th file that is to be made durable cannot be."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int, at: int) -> None:
        self.calls, self._fsync = 0, os.fsync

        def fsync(descriptor: int) -> None:
            self.calls += 1
            if self.calls == at:
                raise OSError(number, os.strerror(number), str(Path(f"/proc/self/fd/{descriptor}").readlink()))
            self._fsync(descriptor)

        monkeypatch.setattr(os, "fsync", fsync)


@pytest.mark.parametrize(
    ("number", "words", "moments"),
    [(errno.ENOSPC, "no space left on the disk; free some", 3), (errno.EROFS, "Read-only file system", 1)],
    ids=["full", "read-only"],
)
def test_a_disk_that_takes_no_more_leaves_a_sentence_and_a_run_that_goes_on(
    number: int, words: str, moments: int, compose_config: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Configuration.from_plain(compose_config(f"output_root={tmp_path}", *SHAPE))
    with monkeypatch.context() as patch:
        counting = Failing(patch, number, at=0)
        straight = new_run(config, [])
        before = counting.calls
        execute(straight)
    earlier = {path: path.read_bytes() for path in straight.path.rglob("*") if path.is_file()}
    # Once the run has its directory, and before it is marked completed, which the last call makes durable.
    for at in random.Random(number).sample(range(before + 1, counting.calls), moments):
        with monkeypatch.context() as patch:
            Failing(patch, number, at=at)
            run = new_run(config, [])
            with pytest.raises(Unfinished, match=words) as error:
                execute(run)
        assert f"go on with: hrm-train resume={run.path}" in str(error.value)
        assert run.state == "interrupted", at
        assert run.verify() == []
        execute(RunDirectory.open(run.path))
        assert run.state == "completed"
        for name, tensor in load_checkpoint(straight.checkpoints / LAST)["state_dict"].items():
            assert torch.equal(load_checkpoint(run.checkpoints / LAST)["state_dict"][name], tensor), (at, name)
        assert (run.read_json("summary.json") or {})["test"] == (straight.read_json("summary.json") or {})["test"]
        assert not list(run.path.rglob(".*.tmp"))
    assert {path: path.read_bytes() for path in earlier} == earlier
    assert len(find_runs(tmp_path, "s")) == 1 + moments


def test_no_run_begins_where_there_is_no_space_for_its_directory(
    compose_config: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Configuration.from_plain(compose_config(f"output_root={tmp_path}", *SHAPE))
    for at in range(1, 7):
        with monkeypatch.context() as patch:
            Failing(patch, errno.ENOSPC, at=at)
            with pytest.raises(OSError, match="No space left") as error:
                new_run(config, [])
        assert passing_cause(error.value) == "no space left on the disk; free some"
        assert find_runs(tmp_path, "s") == []


def test_a_data_file_that_vanishes_costs_nothing_but_the_wait_until_it_is_back(
    compose_config: Compose, tiny_overrides: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "grids.npz"
    inputs = np.random.default_rng(0).integers(0, 7, (30, 3, 4))
    np.savez(file, inputs=inputs, labels=6 - inputs)
    small = [word for word in tiny_overrides if not word.startswith("data.")]
    words = ("data=custom", f"data.path={file}", f"output_root={tmp_path / 'outputs'}", *small, *SHAPE)
    run = new_run(Configuration.from_plain(compose_config(*words, tiny=False)), [])
    with monkeypatch.context() as patch:
        patch.setattr(Scores, "to_dict", interrupted)
        with pytest.raises(KeyboardInterrupt):
            execute(run)
    trained = {path: path.read_bytes() for path in (*run.checkpoints.iterdir(), run.metrics_file)}
    file.rename(tmp_path / "elsewhere.npz")
    with pytest.raises(UserError, match=r"grids\.npz"):
        execute(run)
    assert run.state == "failed"
    assert {path: path.read_bytes() for path in trained} == trained
    (tmp_path / "elsewhere.npz").rename(file)
    execute(run)
    assert run.state == "completed"


def interrupted(scores: Scores) -> None:
    raise KeyboardInterrupt


def test_a_batch_that_does_not_divide_by_the_processes_is_refused(compose_config: Compose) -> None:
    config = Configuration.from_plain(compose_config("trainer=ddp_cpu", "trainer.devices=3", "training.batch_size=8"))
    with pytest.raises(UserError, match=r"^training.batch_size=8 is not divisible by the 3 processes of the run; nearest is 9$"):
        prepare(config)


@pytest.mark.skipif(torch.cuda.device_count() > 7, reason="this machine has as many GPUs as are asked for")
def test_more_processes_than_devices_are_refused(compose_config: Compose) -> None:
    config = Configuration.from_plain(compose_config("trainer=ddp", "trainer.devices=8", "training.batch_size=8"))
    with pytest.raises(UserError, match=r"^trainer\.(accelerator=gpu needs a CUDA device|devices=8 but \d CUDA devices are visible)"):
        prepare(config)
