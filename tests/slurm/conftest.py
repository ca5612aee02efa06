"""One Slurm for all tests of this folder, and hrm-sweep on it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cluster import Cluster, cluster, obstacle

from hrmlab.runs.directory import RunDirectory
from hrmlab.runs.finding import find_runs

ROOT = Path(__file__).resolve().parents[2]
FAKES = ROOT / "tests/integration/fakes"
_SECONDS = 500.0


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A Slurm of two nodes with two CPUs each."""
    if reason := obstacle():
        pytest.skip(f"no Slurm here: {reason}")
    with cluster(tmp_path_factory.mktemp("slurm")) as up:
        yield up


@dataclass
class Sweeps:
    """hrm-sweep in a folder of the test, on the cluster or on this machine.

    Attributes:
        fake: with the trainer of the tests that only counts its steps.
    """

    folder: Path
    slurm: Cluster
    fake: bool = False
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *words: str) -> subprocess.Popen[str]:
        path = [str(ROOT / "src")]
        if self.fake:
            path.insert(0, str(FAKES))
            words = ("--config-dir", str(FAKES / "configuration"), "data=fake", *words)
        environment = {**self.slurm.environment, "PYTHONPATH": os.pathsep.join(path), "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(
            [sys.executable, "-m", "hrmlab.cli.sweep", *words],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(process)
        return process

    def run(self, *words: str) -> tuple[int, str]:
        return self.end(self.start(*words))

    def end(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        output = process.communicate(timeout=_SECONDS)[0]
        return process.returncode, output

    def runs(self, root: str = "outputs") -> list[RunDirectory]:
        """Of the study ``s``."""
        return find_runs(self.folder / root, "s")

    def job_of(self, run: RunDirectory) -> str:
        """The number that Slurm gave the job of a run."""
        names = self.slurm.ask("squeue", "--noheader", "--format=%i %j").splitlines()
        (id,) = [line.split()[0] for line in names if f"{run.labels.arm}-{run.labels.size}-seed={run.labels.seed}-{run.hash}" in line]
        return id


@pytest.fixture
def sweeps(slurm: Cluster, tmp_path: Path) -> Iterator[Sweeps]:
    """Ended, and their jobs with them, whatever becomes of the test."""
    made = Sweeps(tmp_path, slurm)
    yield made
    for process in made.started:
        if process.poll() is None:
            process.kill()
            process.wait()
    if jobs := [id for id, _ in slurm.jobs()]:
        slurm.ask("scancel", *jobs)


def until(done: Callable[[], bool], what: str, seconds: float = _SECONDS) -> None:
    """Wait for something that happens elsewhere."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def is_training(run: RunDirectory) -> bool:
    """Whether it has written down some steps, and not its result."""
    return run.metrics_file.exists() and run.metrics_file.read_text().count("\n") > 3 and run.state != "completed"


def kill(job: str) -> None:
    """kill -9 the last process of a job's step that computes."""
    mark = f"SLURM_JOB_ID={job}".encode()
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                environment, words = (process / "environ").read_bytes().split(b"\0"), (process / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if mark in environment and words[1:3] == [b"-m", b"hrmlab.cli.job"]:
                found.append(int(process.name))
    os.kill(max(found), signal.SIGKILL)


def outcome(run: RunDirectory) -> dict:
    """What a run found out, without what it took."""
    summary = json.loads((run.path / "summary.json").read_text())
    return {split: summary.get(split) for split in ("validation", "test")} | {"steps": summary["training"]["steps"]}
