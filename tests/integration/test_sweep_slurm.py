"""hrm-sweep launcher=slurm where Slurm does what it should not: refuses, falls silent, loses jobs. The real one: tests/slurm."""

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

from hrmlab.runs.finding import find_runs

GRID = ("study=s", "model=hrm", "seed=0,1", "--no-report", "launcher=slurm", "launcher.poll_seconds=0.2")
FAKE = Path(__file__).parent / "fakes/slurm/fake_slurm.py"
COMMANDS = ("sbatch", "squeue", "scontrol", "scancel", "srun")


@pytest.fixture
def queue(commands, tmp_path: Path) -> Path:
    """A folder that is the queue of a Slurm whose commands are on PATH."""
    folder, programs = tmp_path / "queue", tmp_path / "bin"
    folder.mkdir()
    programs.mkdir()
    for name in COMMANDS:
        (programs / name).write_text(f"#!{sys.executable}\n" + FAKE.read_text())
        (programs / name).chmod(0o755)
    commands.environment |= {"PATH": f"{programs}:/usr/bin:/bin", "FAKE_SLURM": str(folder)}
    return folder


def states(folder: Path) -> list[str]:
    return [run.state for run in find_runs(folder / "outputs", "s")]


def submitted(queue: Path) -> list[dict]:
    return [json.loads(file.read_text()) for file in sorted(queue.glob("*.json"))]


@pytest.mark.slow
def test_every_job_is_submitted_once_and_with_what_was_asked_for(commands, queue, tmp_path):
    asked = ("launcher.partition=long", "launcher.time_limit_minutes=90", "launcher.memory=2G", "launcher.cpus=3", "launcher.account=us")
    code, output = commands.run(
        "sweep", *GRID, *asked, "launcher.sbatch_arguments=[--exclude=node7]", "launcher.srun_arguments=[--mpi=none]"
    )
    assert code == 0, output
    assert states(tmp_path) == ["completed"] * 2
    assert output.count("queued (Slurm job ") == 2
    options = submitted(queue)[0]["options"]
    for word in ("--partition=long", "--time=90", "--mem=2G", "--cpus-per-task=3", "--account=us", "--exclude=node7", "--requeue"):
        assert word in options
    for word in ("--nodes=1", "--ntasks=1", "--signal=B:USR1@120", "--dependency=singleton"):
        assert word in options
    assert not any(word.startswith(("--gres", "--qos")) for word in options)
    code, output = commands.run("sweep", *GRID, *asked)
    assert code == 0, output
    assert "2 jobs: 2 completed already" in output
    assert len(submitted(queue)) == 2


def test_no_slurm_on_path_is_said_in_a_sentence(commands, tmp_path):
    commands.environment["PATH"] = str(tmp_path)
    code, output = commands.run("sweep", *GRID)
    assert (code, output.count("\n")) == (2, 1)
    assert "launcher=slurm needs Slurm's commands and sbatch, squeue, srun, scontrol, scancel is not on PATH" in output
    assert "leave launcher=slurm out" in output


def test_a_queue_that_refuses_is_said_in_a_sentence(commands, queue, tmp_path):
    (queue / "refuse").write_text("0")
    code, output = commands.run("sweep", *GRID)
    assert code == 2
    assert output.splitlines()[-1].startswith("hrm-sweep: sbatch refused a job: AssocMaxSubmitJobLimit, Batch job submission failed: ")
    assert "Traceback" not in output
    assert states(tmp_path) == []


@pytest.mark.slow
def test_a_queue_that_takes_no_more_gets_the_rest_when_there_is_room(commands, queue, tmp_path):
    (queue / "refuse").write_text("1")
    sweep = commands.start("sweep", *GRID, "data.seconds=1")
    deadline = time.monotonic() + 60
    while not submitted(queue):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    (queue / "refuse").unlink()
    output = sweep.communicate(timeout=60)[0]
    assert sweep.returncode == 0, output
    assert states(tmp_path) == ["completed"] * 2


@pytest.mark.slow
def test_a_detached_sweep_is_followed_by_the_same_command(commands, queue, tmp_path):
    (queue / "hold").write_text("2")  # until the second sweep has looked at the queue
    code, output = commands.run("sweep", *GRID, "--detach")
    assert code == 0, output
    assert "2 jobs are in the queue; the same command without --detach follows them" in output
    code, output = commands.run("sweep", *GRID)
    assert code == 0, output
    assert "2 jobs: 2 in the queue already" in output
    assert len(submitted(queue)) == 2
    assert states(tmp_path) == ["completed"] * 2


@pytest.mark.slow
def test_ctrl_c_leaves_the_jobs_and_says_how_to_end_them(commands, queue, tmp_path):
    sweep = commands.start("sweep", *GRID, "data.seconds=4")
    deadline = time.monotonic() + 60
    while len(states(tmp_path)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    sweep.send_signal(signal.SIGINT)
    output = sweep.communicate(timeout=60)[0]
    assert sweep.returncode == 130, output
    assert "2 jobs stay in Slurm's queue; to end them: scancel 1 2" in output
    code, output = commands.run("sweep", *GRID, "data.seconds=4")
    assert code == 0, output
    assert [len((run.path / "launches.jsonl").read_text().splitlines()) for run in find_runs(tmp_path / "outputs", "s")] == [2, 2]


@pytest.mark.slow
def test_an_outage_of_the_controller_is_waited_out(commands, queue, tmp_path):
    sweep = commands.start("sweep", *GRID, "data.seconds=2")
    deadline = time.monotonic() + 60
    while len(submitted(queue)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    (queue / "silent").write_text("4")
    output = sweep.communicate(timeout=60)[0]
    assert sweep.returncode == 0, output
    assert states(tmp_path) == ["completed"] * 2


def test_no_answer_at_the_start_is_said_in_a_sentence(commands, queue):
    (queue / "silent").write_text("9")
    code, output = commands.run("sweep", *GRID)
    assert (code, output.count("\n")) == (2, 1)
    assert "squeue does not answer" in output


@pytest.mark.parametrize(("ended", "words"), [(None, "is gone from Slurm's queue without an end of its run"), ("NODE_FAIL", "NODE_FAIL")])
def test_jobs_that_vanish_end_the_wait(commands, queue, ended, words):
    (queue / "vanish").touch()
    if ended:
        (queue / "ended").write_text(ended)
    code, output = commands.run("sweep", *GRID)
    assert code == 1
    assert output.count(words) >= 2
    assert "its log is empty" in output


def test_a_job_that_never_starts_is_cancelled(commands, queue):
    (queue / "held").touch()
    code, output = commands.run("sweep", *GRID)
    assert code == 1
    assert "Slurm never starts it (launch failed requeued held) and it was cancelled" in output
    assert all(job["cancelled"] for job in submitted(queue))


@pytest.mark.slow
def test_a_killed_job_is_reported_with_the_end_of_its_log_and_resumed(commands, queue, tmp_path):
    sweep = commands.start("sweep", *GRID, "data.seconds=5", "seed=0")
    deadline = time.monotonic() + 60
    while not list(tmp_path.rglob("launches.jsonl")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    (row,) = map(json.loads, next(tmp_path.rglob("launches.jsonl")).read_text().splitlines())
    os.kill(row["process"], signal.SIGKILL)
    output = sweep.communicate(timeout=60)[0]
    assert sweep.returncode == 1
    assert "last lines of its log: run directory: outputs/s/" in output
    assert "the next hrm-sweep resumes it" in output
    assert len(next(tmp_path.rglob("*.deaths")).read_text().splitlines()) == 1
    assert commands.run("sweep", *GRID, "data.seconds=5", "seed=0")[0] == 0
    assert states(tmp_path) == ["completed"]


@pytest.mark.slow
def test_a_job_that_fails_says_why(commands, queue, tmp_path):
    words = (*GRID, "data.behaviour=training_failed", "data.fails_for_seed=1")
    code, output = commands.run("sweep", *words)
    assert code == 1
    assert "the loss is not finite; lower optimizer.learning_rate" in output
    assert states(tmp_path) == ["completed", "failed"]
    (tmp_path / "outputs" / "mended").touch()
    assert commands.run("sweep", *words, "--retry-failed")[0] == 0
    assert states(tmp_path) == ["completed"] * 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--detach", "launcher=local"), "--detach leaves jobs in a queue, and launcher=local has none"),
        (("--detach", "launcher=slurm", "--jobs", "2"), "--detach submits all jobs and leaves; --jobs needs hrm-sweep to stay"),
        (("launcher=slurm", "launcher.partion=x"), "launcher.partion is not a known key; did you mean launcher.partition?"),
    ],
)
def test_what_does_not_go_together_is_refused(commands, words, sentence):
    code, output = commands.run("sweep", "study=s", "model=hrm", "seed=0", *words)
    assert (code, output.count("\n")) == (2, 1)
    assert sentence in output


def test_a_single_run_has_no_launcher(commands):
    assert shutil.which("bash")
    code, output = commands.run("train", "study=s", "launcher=slurm")
    assert (code, output.count("\n")) == (2, 1)
    assert "launcher=slurm says how hrm-sweep starts its jobs" in output
