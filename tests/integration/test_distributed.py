"""Two processes on this machine: they are two, they see the data once, and every test row counts once."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import command_server
from hrmlab.models.checkpoint import load_checkpoint
from hrmlab.runs.directory import LAST


def hrm_train(output_root: Path, tiny: tuple[str, ...], *overrides: str) -> subprocess.CompletedProcess[str]:
    return command_server.run("hrmlab.cli.train", f"output_root={output_root}", *tiny, *overrides)


@pytest.mark.slow
@pytest.mark.parametrize("arm", ["hrm", "transformer"])
def test_two_processes(arm: str, tmp_path: Path, tiny_overrides: tuple[str, ...]) -> None:
    # 31 test rows over two processes in batches of 16: uneven on purpose.
    shape = ("training.steps=6", "data.test_examples=31", f"model={arm}")
    result = hrm_train(tmp_path, tiny_overrides, "trainer=ddp_cpu", "trainer.devices=2", "trainer.progress_bar=false", *shape)
    assert result.returncode == 0, result.stderr
    (completed,) = tmp_path.rglob("COMPLETED")
    run = completed.parent
    summary = json.loads((run / "summary.json").read_text())
    assert summary["test"]["count"] == 31
    table = pd.read_parquet(run / "predictions.parquet")
    assert list(table["index"]) == list(range(31))
    assert np.mean(table["exact"]) == pytest.approx(summary["test"]["exact_accuracy"])
    assert np.mean(table["cell_accuracy"]) == pytest.approx(summary["test"]["cell_accuracy"])
    assert summary["training"]["segments"] == 48
    ranks = load_checkpoint(run / "checkpoints" / LAST)["training"]["ranks"]
    assert len(ranks) == 2
    assert [rank["stream"]["drawn"] for rank in ranks] == [summary["training"]["examples_drawn"]] * 2
    if arm == "transformer":
        # One segment each: the processes drew the numbers 0..47, so no example twice within the first epoch of 64.
        assert summary["training"]["examples_drawn"] == 48
        drawn = np.concatenate([rank["slots"]["tensors"]["inputs"].numpy() for rank in ranks])
        assert len(np.unique(drawn, axis=0)) == len(drawn)


@pytest.mark.slow
def test_two_processes_write_the_code_that_one_writes(tmp_path: Path, tiny_code_overrides: tuple[str, ...]) -> None:
    shape = ("data=synthetic_code", "training.steps=3", "evaluation.limit=5", "evaluation.samples=2", "evaluation.temperature=0.7")
    result = hrm_train(tmp_path, tiny_code_overrides, "trainer=ddp_cpu", "trainer.devices=2", "trainer.progress_bar=false", *shape)
    assert result.returncode == 0, result.stderr
    (completed,) = tmp_path.rglob("COMPLETED")
    together = json.loads((completed.parent / "summary.json").read_text())["test"]
    assert together["problems"] == 5
    assert together["completions"] == 10
    evaluated = command_server.run("hrmlab.cli.evaluate", f"run={completed.parent}", "trainer.threads=1", "trainer.progress_bar=false")
    assert evaluated.returncode == 0, evaluated.stderr
    (folder,) = (completed.parent / "evaluations").iterdir()
    alone = json.loads((folder / "result.json").read_text())["sets"]["test_iid"]
    assert alone["bits_per_byte"] == pytest.approx(together["bits_per_byte"], rel=1e-5)
    texts = [gzip.decompress((place / "test_iid.jsonl.gz").read_bytes()) for place in (folder, completed.parent / "generations")]
    written = [[(row["task_id"], row["sample"], row["completion"]) for row in map(json.loads, text.splitlines())] for text in texts]
    assert written[0] == written[1]


@pytest.mark.slow
def test_a_lone_process_that_should_be_two_is_refused(tmp_path: Path, tiny_overrides: tuple[str, ...]) -> None:
    """What a launcher that starts "distributed" runs of one process each would do."""
    program = (
        "import sys; from hrmlab.training.callbacks.world import ProveWorldSize; import hrmlab.workflows.fit as run;"
        "run.ProveWorldSize = lambda expected: ProveWorldSize(expected + 1);"
        "from hrmlab.cli.train import main; main()"
    )
    command = [sys.executable, "-c", program, f"output_root={tmp_path}", *tiny_overrides, "training.steps=2"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False)
    assert result.returncode == 1
    assert "2 processes were asked for and 1 answered" in result.stderr
    (failed,) = tmp_path.rglob("FAILED")
    assert "answered" in failed.read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "words"),
    [(signal.SIGTERM, 143, "terminated"), (signal.SIGKILL, 1, "process 1 of the 2 of this run was killed (SIGKILL)")],
)
def test_a_signal_to_one_process_ends_both_in_a_sentence(
    number: int, code: int, words: str, tmp_path: Path, tiny_overrides: tuple[str, ...]
) -> None:
    shape = ("trainer=ddp_cpu", "trainer.devices=2", "trainer.progress_bar=false", "training.steps=100000")
    with command_server.start("hrmlab.cli.train", f"output_root={tmp_path}", *tiny_overrides, *shape) as process:
        deadline = time.monotonic() + 200
        while not any(file.read_text().count("\n") > 1 for file in tmp_path.rglob("metrics.csv")):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.1)
        (second,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(second), number)
        output = process.communicate(timeout=100)[0]
    assert process.returncode == code, output
    first, sentence = output.splitlines()
    assert first.startswith("run directory: ")
    assert sentence.startswith(f"hrm-train: {words}")
    assert "go on with: hrm-train resume=" in sentence


def other_ranks(first: int) -> list[int]:
    """The processes that the first one of a distributed run has started to train with it."""
    children = map(int, Path(f"/proc/{first}/task/{first}/children").read_text().split())
    return [child for child in children if b"hrmlab.cli.train" in Path(f"/proc/{child}/cmdline").read_bytes()]


@pytest.mark.slow
def test_a_process_that_dies_before_it_has_joined_does_not_leave_the_first_one_waiting(
    tmp_path: Path, tiny_overrides: tuple[str, ...]
) -> None:
    shape = ("trainer=ddp_cpu", "trainer.devices=2", "trainer.progress_bar=false", "training.steps=4")
    with command_server.start("hrmlab.cli.train", f"output_root={tmp_path}", *tiny_overrides, *shape) as process:
        deadline = time.monotonic() + 200
        while not other_ranks(process.pid):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        time.sleep(0.2)  # a child that has not become its own program yet bears our name
        (other,) = other_ranks(process.pid)
        os.kill(other, signal.SIGKILL)
        output = process.communicate(timeout=60)[0]
    assert process.returncode == 1, output
    first, sentence = output.splitlines()
    run = first.removeprefix("run directory: ")
    assert sentence == (
        "hrm-train: process 1 of the 2 of this run was killed (SIGKILL), perhaps for want of memory; "
        f"see to that and go on with: hrm-train resume={run}"
    )
    resumed = command_server.run("hrmlab.cli.train", f"resume={run}", "trainer.progress_bar=false")
    assert resumed.returncode == 0, resumed.stderr
    assert (Path(run) / "COMPLETED").exists()
