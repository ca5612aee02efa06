"""A sweep of real training, killed in the middle and started again."""

import json
import signal
import time
from pathlib import Path

import pytest

import command_server
from hrmlab.runs.finding import find_runs

pytestmark = pytest.mark.slow
SMALL = ("size.parameters=12000", "size.head_size=8", "data.train_examples=64", "data.validation_examples=20", "data.test_examples=30")
WORDS = (
    "experiments=sudoku/quick_4x4",
    "study=s",
    *SMALL,
    "model=hrm,transformer",
    "training.steps=60",
    "training.checkpoint_every_steps=5",
)


def start(folder: Path) -> command_server.Command:
    return command_server.start("hrmlab.cli.sweep", *WORDS, cwd=folder)


def test_kill_9_and_the_same_command_again(tmp_path: Path) -> None:
    process = start(tmp_path)
    deadline = time.monotonic() + 300
    while not list(tmp_path.rglob("last.ckpt")):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    output, _ = start(tmp_path).communicate(timeout=500)
    assert "interrupted, to resume" in output, output
    runs = find_runs(tmp_path / "outputs", "s")
    assert [run.state for run in runs] == ["completed"] * 2, output
    for run in runs:
        steps = [int(line.split(",")[0]) for line in run.metrics_file.read_text().splitlines()[1:]]
        assert steps == sorted(steps)
        assert (run.read_json("summary.json") or {})["training"]["steps"] == 60
    assert len(list((tmp_path / "outputs").rglob("COMPLETED"))) == 2
    assert output.splitlines()[-1] == "report: reports/s/report.md"
    assert json.loads((tmp_path / "reports/s/runs.json").read_text())
