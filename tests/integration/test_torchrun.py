"""Processes that torchrun started: they are one run, or are refused in one sentence. Those of srun: tests/slurm."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "hrmlab.cli.train"]


def torchrun(output_root: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [*TORCHRUN, f"output_root={output_root}", *overrides]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment, check=False)


@pytest.mark.slow
def test_processes_of_torchrun_are_one_run(tmp_path: Path, tiny_overrides: tuple[str, ...]) -> None:
    result = torchrun(tmp_path, *tiny_overrides, "model=transformer", "training.steps=6", "trainer=ddp_cpu", "trainer.devices=2")
    assert result.returncode == 0, result.stderr
    (completed,) = tmp_path.rglob("COMPLETED")
    assert json.loads((completed.parent / "summary.json").read_text())["training"]["segments"] == 48
    assert result.stdout.count("run directory: ") == 1


@pytest.mark.slow
def test_processes_that_are_not_as_many_as_asked_for_are_refused(tmp_path: Path) -> None:
    result = torchrun(tmp_path, "model=transformer", "trainer=ddp_cpu", "trainer.devices=3")
    assert result.returncode != 0
    sentences = [line for line in result.stderr.splitlines() if line.startswith("hrm-train: ")]
    assert len(sentences) == 1, result.stderr
    assert "torchrun started 2 processes and trainer.devices=3 times trainer.num_nodes=1 is 3; make them equal" in sentences[0]
    assert list(tmp_path.iterdir()) == []
