"""hrm-sweep from the outside: what is skipped, resumed, tried again; what survives kill -9."""

import json
import os
import signal
import time
from collections import defaultdict
from pathlib import Path

import pytest

from hrmlab.runs.finding import find_runs

GRID = ("study=s", "model=hrm,transformer", "seed=0,1", "--no-report")
ONE_THREAD = ("trainer.threads=1",)


def runs_of_study(folder: Path):
    return find_runs(folder / "outputs", "s")


def launches(folder: Path) -> dict[str, list[dict]]:
    """Launches and ends of each run."""
    found = defaultdict(list)
    for run in runs_of_study(folder):
        file = run.path / "launches.jsonl"
        for line in file.read_text().splitlines() if file.exists() else []:
            found[str(run.path)].append(json.loads(line))
    return found


def wait_for_launches(folder: Path, count: int) -> None:
    deadline = time.monotonic() + 60
    while sum("from" in row for rows in launches(folder).values() for row in rows) < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return "State:\tZ" not in Path(f"/proc/{process}/status").read_text()


def test_runs_every_job_and_then_skips_them(commands, tmp_path):
    code, output = commands.run("sweep", *GRID)
    assert code == 0, output
    runs = runs_of_study(tmp_path)
    assert [run.state for run in runs] == ["completed"] * 4
    assert len({rows[0]["process"] for rows in launches(tmp_path).values()}) == 4
    assert len(list((tmp_path / "outputs/s/logs").glob("*.log"))) == 4
    assert output.count("0.5000") >= 8
    before = launches(tmp_path)
    code, output = commands.run("sweep", *GRID)
    assert code == 0
    assert "4 jobs: 4 completed already" in output
    assert launches(tmp_path) == before


@pytest.mark.slow
def test_the_job_s_directory_is_the_one_that_the_sweep_computed(commands, tmp_path):
    code, output = commands.run("sweep", *GRID, "--dry-run")
    assert code == 0
    assert runs_of_study(tmp_path) == []
    planned = {line.split()[1].rpartition("-")[2] for line in output.splitlines()}
    single = output.splitlines()[0].partition("hrm-train ")[2].split()
    assert commands.run("train", *single)[0] == 0
    assert {run.hash for run in runs_of_study(tmp_path)} < planned
    commands.run("sweep", *GRID)
    assert {run.path.name for run in runs_of_study(tmp_path)} == planned


@pytest.mark.slow
def test_only_some_jobs_of_a_grid_are_run_and_the_rest_later(commands, tmp_path):
    code, output = commands.run("sweep", *GRID, "--only", "*-seed=1", "--only", "nothing*", "--dry-run")
    assert code == 2
    assert "--only nothing* is like the name of no job; --dry-run lists them, the first of 4 is " in output
    assert commands.run("sweep", *GRID, "--only", "*-seed=1")[0] == 0
    assert [(run.labels.seed, run.state) for run in runs_of_study(tmp_path)] == [(1, "completed")] * 2
    code, output = commands.run("sweep", *GRID)
    assert code == 0
    assert "4 jobs: 2 to start, 2 completed already" in output


@pytest.mark.slow
def test_a_failed_job_stops_no_other_and_is_tried_again_only_when_asked(commands, tmp_path):
    words = (*GRID, "data.behaviour=training_failed", "data.fails_for_seed=1")
    code, output = commands.run("sweep", *words)
    assert code == 1
    assert [run.state for run in runs_of_study(tmp_path)] == ["completed", "failed"] * 2
    assert "the loss is not finite; lower optimizer.learning_rate" in output
    (tmp_path / "outputs" / "mended").touch()
    code, output = commands.run("sweep", *words)
    assert (code, sum("from" in row for rows in launches(tmp_path).values() for row in rows)) == (1, 4)
    assert "--retry-failed" in output
    code, output = commands.run("sweep", *words, "--retry-failed")
    assert code == 0, output
    assert [run.state for run in runs_of_study(tmp_path)] == ["completed"] * 4
    assert [[row.get("from") for row in rows] for rows in launches(tmp_path).values()] == [[0, None], [0, 4, None]] * 2


@pytest.mark.slow
def test_interrupted_jobs_are_resumed_after_ctrl_c(commands, tmp_path):
    process = commands.start("sweep", *GRID, "data.seconds=3", *ONE_THREAD)
    wait_for_launches(tmp_path, 1)
    time.sleep(0.7)
    process.send_signal(signal.SIGINT)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 130, output
    assert "interrupted" in output
    assert {run.state for run in runs_of_study(tmp_path)} == {"interrupted"}
    assert not any(alive(row["process"]) for rows in launches(tmp_path).values() for row in rows)
    code, output = commands.run("sweep", *GRID, "data.seconds=3", *ONE_THREAD)
    assert code == 0, output
    assert all(run.state == "completed" for run in runs_of_study(tmp_path))
    assert len(runs_of_study(tmp_path)) == 4
    resumed = [row["from"] for rows in launches(tmp_path).values() for row in rows if row.get("from")]
    assert resumed, "at least one job went on from its checkpoint"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.slow
def test_a_killed_sweep_leaves_no_orphans_and_goes_on(commands, tmp_path, number):
    process = commands.start("sweep", *GRID, "data.seconds=3", *ONE_THREAD)
    wait_for_launches(tmp_path, 1)
    process.send_signal(number)
    process.communicate(timeout=60)
    code, output = commands.run("sweep", *GRID, "data.seconds=3", *ONE_THREAD)  # at once: it waits for the orphans to end
    assert code == 0, output
    rows_of = launches(tmp_path)
    assert len(rows_of) == 4
    assert [run.state for run in runs_of_study(tmp_path)] == ["completed"] * 4
    assert all(sum("ended" in row for row in rows) == 1 for rows in rows_of.values())
    assert not any(alive(row["process"]) for rows in rows_of.values() for row in rows if "process" in row)


@pytest.mark.slow
def test_a_killed_job_is_named_and_resumed_next_time(commands, tmp_path):
    process = commands.start("sweep", *GRID, "data.seconds=3", "seed=0", "model=hrm")
    wait_for_launches(tmp_path, 1)
    ((row, *_),) = launches(tmp_path).values()
    os.kill(row["process"], signal.SIGKILL)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 1
    assert "killed by the operating system (SIGKILL), probably out of memory" in output
    assert commands.run("sweep", *GRID, "data.seconds=3", "seed=0", "model=hrm")[0] == 0


@pytest.mark.slow
def test_two_sweeps_at_once_run_no_job_twice(commands, tmp_path):
    processes = [commands.start("sweep", *GRID, "data.seconds=0.5") for _ in range(2)]
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert len(runs_of_study(tmp_path)) == 4
    assert all(len(rows) == 2 for rows in launches(tmp_path).values())
    assert sum("another hrm-sweep" in output for output in outputs) == 1


def test_a_job_that_runs_elsewhere_is_left_alone(commands, tmp_path):
    words = ("study=s", "model=hrm", "data.seconds=20")
    elsewhere = commands.start("train", *words, "seed=0")
    wait_for_launches(tmp_path, 1)
    code, output = commands.run("sweep", *words[:2], "data.seconds=20", "seed=0", "--no-report")
    elsewhere.terminate()
    elsewhere.communicate(timeout=30)
    assert code == 0, output
    assert "1 running elsewhere" in output


@pytest.mark.slow
def test_threads_of_the_jobs_never_exceed_the_cores(commands, tmp_path):
    code, output = commands.run("sweep", *GRID, "data.seconds=1")
    assert code == 0, output
    cores = len(os.sched_getaffinity(0))
    spans = [(rows[0]["time"], rows[-1]["ended"], rows[0]["threads"]) for rows in launches(tmp_path).values()]
    for start, _, _ in spans:
        together = [threads for begin, end, threads in spans if begin <= start < end]
        assert sum(int(threads[0]) for threads in together) <= cores
    assert all(int(threads[0]) == threads[1] for _, _, threads in spans)


@pytest.mark.slow
def test_each_job_gets_a_gpu_of_its_own_and_several_only_where_it_asks(commands, tmp_path):
    commands.environment["CUDA_VISIBLE_DEVICES"] = "3,GPU-5f"
    code, output = commands.run("sweep", *GRID, "trainer=gpu", "data.seconds=1", *ONE_THREAD)
    assert code == 0, output
    given = [row["gpus"] for rows in launches(tmp_path).values() for row in rows if "gpus" in row]
    assert (len(given), set(given)) == (4, {"3", "GPU-5f"})
    assert "GPU 3" in output
    code, output = commands.run("sweep", *GRID, "study=both", "trainer=ddp", "trainer.devices=2", "model=hrm", "seed=0", *ONE_THREAD)
    assert code == 0, output
    (run,) = find_runs(tmp_path / "outputs", "both")
    assert json.loads((run.path / "launches.jsonl").read_text().splitlines()[0])["gpus"] == "3,GPU-5f"


@pytest.mark.slow
def test_a_sweep_ends_in_its_report(commands, tmp_path):
    code, output = commands.run("sweep", "study=s", "model=hrm", "seed=0", "--reports", "out")
    assert output.splitlines()[-1].startswith(("report: out/s/report.md", "hrm-sweep: no report")), output
    assert code in (0, 1)


@pytest.mark.slow
def test_a_dry_run_needs_no_gpu_and_says_that_starting_would(commands):
    commands.environment["CUDA_VISIBLE_DEVICES"] = ""
    code, output = commands.run("sweep", *GRID, "trainer=gpu", "--dry-run")
    assert code == 0, output
    assert [line.split()[0] for line in output.splitlines()[:4]] == ["start"] * 4
    assert "nothing could be started on this machine: trainer=gpu asks for 1 GPU(s) and 0 are visible" in output
    assert commands.run("sweep", *GRID, "trainer=gpu")[0] == 2


@pytest.mark.slow
def test_a_study_holds_no_two_configurations_under_one_name(commands, tmp_path):
    assert commands.run("sweep", *GRID, "training.steps=5")[0] == 0
    code, output = commands.run("sweep", *GRID, "training.steps=6")
    assert (code, output.count("\n")) == (2, 1)
    assert "training.steps=5 and 6" in output
    assert "study=NAME" in output
    code, output = commands.run("sweep", *GRID, "training.steps=6,7", "model=hrm")
    assert code == 0, output
    assert {run.labels.arm for run in runs_of_study(tmp_path)} == {"hrm", "transformer", "hrm,steps=6", "hrm,steps=7"}


@pytest.mark.slow
def test_archived_runs_count_only_when_asked(commands, tmp_path):
    code, output = commands.run("sweep", *GRID[:-1], "--records")
    assert code == 0, output
    assert "records: reports/s/records.tar.xz (4 runs, " in output
    (tmp_path / "outputs").rename(tmp_path / "elsewhere")
    code, output = commands.run("sweep", *GRID, "--dry-run")
    assert [line.split()[0] for line in output.splitlines()] == ["start"] * 4
    code, output = commands.run("sweep", *GRID, "seed=0,1,2", "--dry-run", "--use-records")
    assert [line.split()[0] for line in output.splitlines()] == [*["restore"] * 4, *["start"] * 2]
    assert runs_of_study(tmp_path) == []
    code, output = commands.run("sweep", *GRID, "seed=0,1,2", "--use-records")
    assert code == 0, output
    assert "6 jobs: 2 to start, 4 completed already" in output
    assert "4 of them put back from the archive of records; these have no checkpoints" in output
    assert [bool(run.restored) for run in runs_of_study(tmp_path)] == [True, True, False] * 2
    restored = next(run for run in runs_of_study(tmp_path) if run.restored)
    code, output = commands.run("train", f"extend={restored.path}", "training.steps=100")
    assert code == 2
    assert "was put back from an archive of records, which holds results and no checkpoints" in output


def test_without_an_archive_use_records_says_so(commands):
    code, output = commands.run("sweep", *GRID, "--use-records")
    assert code == 2
    assert "--use-records: there is no reports/s/records.tar.xz; leave the flag out" in output
