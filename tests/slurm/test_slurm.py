"""Sweeps on a real Slurm of two nodes: killed, told that their time is up, preempted, and still with the results of a quiet sweep."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from conftest import Sweeps, is_training, kill, outcome, until
from hrmlab.runs.directory import RunDirectory

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(900)]

TINY = (
    *("data.side=4", "data.train_examples=64", "data.validation_examples=20", "data.test_examples=30"),
    *("size.parameters=12000", "size.head_size=8", "training.batch_size=8", "training.evaluation_batch_size=16"),
    *("training.validate_every_steps=100", "training.log_every_steps=2", "training.checkpoint_every_steps=10", "optimizer.warmup_steps=2"),
    *("trainer.threads=1", "trainer.progress_bar=false", "study=s", "--no-report"),
)
ON_SLURM = ("launcher=slurm", "launcher.poll_seconds=1", "launcher.memory=500M")
LOCALLY = ("output_root=quiet",)


URGENT = ("sbatch", "--partition=urgent", "--exclusive", "--output=/dev/null", "--wrap=sleep 1")


def at_once(disturbances: dict[RunDirectory, Callable[[], object]]) -> None:
    """Disturb each run as soon as it trains."""
    left = dict(disturbances)

    def none_left() -> bool:
        for run in [run for run in left if is_training(run)]:
            left.pop(run)()
        return not left

    until(none_left, "runs that train")


def log_of(sweeps: Sweeps, run: RunDirectory) -> str:
    (log,) = (sweeps.folder / "outputs/s/logs").glob(f"*-{run.hash}.log")
    return log.read_text()


def assert_same_results(sweeps: Sweeps) -> None:
    """Every run of the disturbed sweep has the answers of the quiet one's."""
    disturbed, quiet = sweeps.runs(), sweeps.runs("quiet")
    assert [run.state for run in disturbed] == ["completed"] * len(quiet)
    for one, other in zip(disturbed, quiet, strict=True):
        assert one.labels.seed == other.labels.seed
        assert outcome(one) == outcome(other), one
        pd.testing.assert_frame_equal(pd.read_parquet(one.predictions_file), pd.read_parquet(other.predictions_file))


def test_a_disturbed_sweep_has_the_results_of_a_quiet_one(sweeps: Sweeps) -> None:
    grid = (*TINY, "model=transformer", "training.steps=400", "seed=0,1,2,3")
    sweep = sweeps.start(*grid, *ON_SLURM)
    until(lambda: len(sweeps.runs()) == 4, "four runs")
    jobs = {run: sweeps.job_of(run) for run in sweeps.runs()}
    places = {run: sweeps.slurm.ask("squeue", "--noheader", "--format=%N", f"--jobs={job}").strip() for run, job in jobs.items()}
    last = list(jobs)[-1]
    killed, at_limit = [run for run in jobs if places[run] != places[last]]
    at_once(
        {
            killed: lambda: kill(jobs[killed]),
            at_limit: lambda: sweeps.slurm.ask(
                "scancel", "--signal=USR1", "--batch", jobs[at_limit]
            ),  # as sbatch --signal before the time limit
            last: lambda: sweeps.slurm.ask(*URGENT, f"--nodelist={places[last]}"),  # takes the place of all that run there
        }
    )
    code, output = sweeps.end(sweep)
    assert code == 0, output
    assert "goes back into the queue (restart 1)" in log_of(sweeps, killed)
    assert "goes back into the queue (restart 1)" in log_of(sweeps, at_limit)
    assert "terminated; go on with" in log_of(sweeps, at_limit)
    assert "DUE TO PREEMPTION" in log_of(sweeps, last)
    code, output = sweeps.run(*grid, *LOCALLY)
    assert code == 0, output
    assert_same_results(sweeps)


def test_two_nodes_train_together_also_after_one_process_was_killed(sweeps: Sweeps) -> None:
    grid = (*TINY, "model=transformer", "training.steps=300", "seed=0", "trainer=ddp_cpu")
    sweep = sweeps.start(*grid, "trainer.devices=1", "trainer.num_nodes=2", *ON_SLURM)
    until(lambda: len(sweeps.runs()) == 1 and is_training(sweeps.runs()[0]), "a run that trains")
    kill(sweeps.job_of(sweeps.runs()[0]))
    code, output = sweeps.end(sweep)
    assert code == 0, output
    assert "goes back into the queue (restart 1)" in log_of(sweeps, sweeps.runs()[0])
    code, output = sweeps.run(*grid, "trainer.devices=2", *LOCALLY)
    assert code == 0, output
    assert_same_results(sweeps)


def test_jobs_stay_in_the_queue_and_are_found_again(sweeps: Sweeps) -> None:
    sweeps.fake = True
    grid = ("study=s", "model=hrm", "seed=0,1", "data.seconds=4", "--no-report", *ON_SLURM)
    code, output = sweeps.run(*grid, "--detach")
    assert code == 0, output
    assert "2 jobs are in the queue" in output
    until(lambda: len(sweeps.runs()) == 2, "both have begun")
    sweeps.slurm.ask("scontrol", "requeue", sweeps.job_of(sweeps.runs()[0]))
    code, output = sweeps.run(*grid)
    assert code == 0, output
    assert "in the queue already" in output
    assert "to start" not in output
    assert [run.state for run in sweeps.runs()] == ["completed"] * 2
    assert len((sweeps.runs()[0].path / "launches.jsonl").read_text().splitlines()) >= 3, "it was started again"


def test_a_node_that_vanishes_and_a_job_that_is_cancelled(sweeps: Sweeps) -> None:
    sweeps.fake = True
    grid = ("study=s", "model=hrm", "seed=0", "data.seconds=12", "--no-report", *ON_SLURM)
    sweep = sweeps.start(*grid)
    until(lambda: len(sweeps.runs()) == 1, "it has begun")
    job = sweeps.job_of(sweeps.runs()[0])
    node = sweeps.slurm.ask("squeue", "--noheader", "--format=%N", f"--jobs={job}").strip()
    sweeps.slurm.ask("scontrol", "update", f"nodename={node}", "state=down", "reason=test")  # it answers, and is back at once

    def runs_again() -> bool:
        told = sweeps.slurm.ask("scontrol", "show", "job", "--oneliner", job)
        return "Restarts=1" in told and "JobState=RUNNING" in told

    until(runs_again, "the job started again")
    sweeps.slurm.ask("scancel", job)
    code, output = sweeps.end(sweep)
    assert code == 1
    assert f"Slurm ended job {job}: CANCELLED" in output
    assert "the next hrm-sweep resumes it" in output
    assert sweeps.runs()[0].state == "interrupted"


def test_a_queue_that_refuses_and_a_launch_of_the_wrong_size(sweeps: Sweeps, tmp_path: Path) -> None:
    sweeps.fake = True
    code, output = sweeps.run("study=s", "model=hrm", "seed=0", "--no-report", *ON_SLURM, "launcher.partition=nowhere")
    assert code == 2
    assert "hrm-sweep: sbatch refused a job: " in output
    assert "invalid partition specified: nowhere" in output
    assert sweeps.runs() == []
    command = [*sweeps.started[0].args[:2], "hrmlab.cli.train", "study=s"]  # type: ignore[index, misc]
    environment = {**sweeps.slurm.environment, "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src")}
    srun = ["srun", "--nodes=2", "--ntasks=2", *command]
    result = subprocess.run(srun, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert result.returncode == 2
    assert "hrm-train: srun started 2 processes and trainer.devices=1 times trainer.num_nodes=1 is 1; make them equal" in result.stderr
    assert result.stderr.count("hrm-train:") == 1
    assert sweeps.runs() == []
