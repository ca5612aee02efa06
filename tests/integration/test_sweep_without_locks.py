"""hrm-sweep on two machines that share a folder without locks: no job twice, what was killed is taken up, nothing counted twice."""

import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from hrmlab.reporting.collect.launches import Launches
from hrmlab.runs.finding import find_runs

GRID = ("study=s", "model=hrm,transformer", "seed=0,1", "--no-report")


def on(commands, machine: str):
    return replace(commands, environment={**commands.environment, "HRMLAB_TEST_MACHINE": machine})


def rows(folder: Path) -> dict[str, list[dict]]:
    """Launches and ends of each run."""
    found = {}
    for run in find_runs(folder / "outputs", "s"):
        file = run.path / "launches.jsonl"
        found[str(run.path)] = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    return found


def counted(folder: Path) -> int:
    """Runs that a report would count."""
    launches = Launches(folder / "outputs", {})
    for run in find_runs(folder / "outputs", "s"):
        launches.add(run)
    return len(launches.sorted()[0])


@pytest.mark.slow
def test_two_sweeps_at_once_run_no_job_twice(commands, tmp_path):
    processes = [on(commands, machine).start("sweep", *GRID, "data.seconds=0.4") for machine in ("one", "two")]
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert [[row.get("from") for row in launches] for launches in rows(tmp_path).values()] == [[0, None]] * 4
    assert all("has no locks that all machines know of" in output for output in outputs)
    assert counted(tmp_path) == 4


@pytest.mark.slow
def test_a_killed_sweep_is_found_stale_and_taken_up_on_another_machine(commands, tmp_path):
    process = on(commands, "one").start("sweep", *GRID, "data.seconds=2", "trainer.threads=1")
    deadline = time.monotonic() + 60
    while not (under_way := [row for launches in rows(tmp_path).values() for row in launches]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.5)
    for victim in (process.pid, under_way[0]["process"]):  # the job has no moment to let go either
        os.kill(victim, signal.SIGKILL)
    process.communicate(timeout=60)
    code, output = on(commands, "two").run("sweep", *GRID, "data.seconds=2", "trainer.threads=1")
    assert code == 0, output
    assert [run.state for run in find_runs(tmp_path / "outputs", "s")] == ["completed"] * 4
    assert all(sum("ended" in row for row in launches) == 1 for launches in rows(tmp_path).values())
    assert any(row.get("from") for launches in rows(tmp_path).values() for row in launches), "the killed job went on from its checkpoint"
    assert counted(tmp_path) == 4
