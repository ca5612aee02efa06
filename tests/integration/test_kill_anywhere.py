"""kill -9 at random moments, of whichever process, and the same command again: in the end all is as if nothing had happened.

``HRMLAB_KILLS`` says at how many moments (``make kill-test``: 30); they are drawn from ``HRMLAB_KILL_SEED``.
"""

import contextlib
import os
import random
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

import command_server
from hrmlab.config.configuration import Configuration
from hrmlab.models.checkpoint import load_checkpoint
from hrmlab.runs.directory import LAST, RunDirectory
from hrmlab.runs.finding import find_runs
from hrmlab.workflows.launch import new_run
from ranks import run_together, start_together
from run_factory import make_run

KILLS = int(os.environ.get("HRMLAB_KILLS", "6"))
SEED = int(os.environ.get("HRMLAB_KILL_SEED", "0"))
GRID = ("study=s", "model=hrm,transformer", "seed=0,1", "data.seconds=0.6", "trainer.threads=1", "--no-report")


def descendants(process: int) -> list[int]:
    """The processes that a process has started, and theirs."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                found += [child, *descendants(child)]
    return found


def outcome(folder: Path) -> dict[str, tuple[str, Any]]:
    """What every run came to, by its place; each of them once, and no file half written."""
    assert not list((folder / "outputs").rglob(".*.tmp"))
    assert not list((folder / "outputs").rglob(".creating-*"))
    runs = find_runs(folder / "outputs", "s")
    return {str(run.path.relative_to(folder)): (run.state, (run.read_json("summary.json"), run.verify())) for run in runs}


@pytest.mark.slow
def test_a_sweep_killed_anywhere_ends_as_one_that_was_not(commands: Any, tmp_path: Path) -> None:
    commands.folder = undisturbed = tmp_path / "undisturbed"
    undisturbed.mkdir()
    code, output = commands.run("sweep", *GRID)
    assert code == 0, output
    commands.folder = disturbed = tmp_path / "disturbed"
    disturbed.mkdir()
    moments, kills = random.Random(SEED), 0
    while kills < KILLS:
        process = commands.start("sweep", *GRID)
        time.sleep(moments.uniform(0.2, 2.0))
        victims = [process.pid, *descendants(process.pid)]  # hrm-sweep itself first
        whole = len(victims) == 1 or moments.random() < 0.5
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid if whole else moments.choice(victims[1:]), signal.SIGKILL)
        kills += process.poll() is None or process.returncode != 0
        output = process.communicate(timeout=120)[0]
        assert "Traceback" not in output
        if process.returncode == 0:  # all done before we came to kill: from the beginning again
            disturbed.rename(tmp_path / f"finished-{kills}-{moments.random()}")
            disturbed.mkdir()
    code, output = commands.run("sweep", *GRID)
    assert code == 0, output
    assert outcome(disturbed) == outcome(undisturbed)
    assert len(outcome(disturbed)) == 4


@pytest.mark.slow
def test_a_report_killed_anywhere_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    for arm in ("hrm", "transformer"):
        for seed in range(3):
            make_run(tmp_path / "outputs", study="s", task="sudoku_4x4", arm=arm, seed=seed, examples=20)

    def start() -> command_server.Command:
        return command_server.start("hrmlab.cli.report", "study=s", cwd=tmp_path)

    began = time.monotonic()
    assert start().wait() == 0
    seconds = time.monotonic() - began
    report = tmp_path / "reports" / "s"

    def files() -> dict[str, str]:
        """What a report holds, without the time at which it was written."""
        kept = [path for path in report.iterdir() if path.suffix in (".csv", ".json") and path.is_file()]
        return {path.name: re.sub(r'"written": "[^"]*"', "", path.read_text()) for path in kept}

    whole, moments = files(), random.Random(SEED)
    for _ in range(max(1, KILLS // 6)):
        process = start()
        time.sleep(moments.uniform(0.5, 1.0) * seconds)
        process.kill()
        process.wait()
        assert files() == whole
    assert start().wait() == 0
    assert files() == whole
    assert not [path for path in report.iterdir() if path.name.startswith(".writing-")]


@pytest.mark.slow
def test_a_killed_rank_takes_the_others_along_and_the_run_goes_on_as_if_nothing_had_happened(
    compose_config: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    words = ("trainer=ddp_cpu", "training.steps=60", "training.checkpoint_every_steps=2", "model=hrm", "training.ema_decay=0.9")

    def fresh(name: str) -> RunDirectory:
        config = compose_config(f"output_root={tmp_path / name}", *words, "training.validate_every_steps=30")
        return new_run(Configuration.from_plain(config), [])

    straight, killed = fresh("straight"), fresh("killed")
    assert run_together(straight.path, 2) == [0, 0]
    moments = random.Random(SEED)
    for kill in range(max(2, KILLS // 3)):
        last = killed.checkpoints / LAST
        before = last.stat().st_mtime_ns if last.exists() else 0
        processes = start_together(killed.path, 2)
        deadline = time.monotonic() + 100
        while not last.exists() or last.stat().st_mtime_ns == before:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        time.sleep(moments.uniform(0.0, 0.3))
        processes[kill % 2].kill()
        for process in processes:
            process.join(timeout=10)
        ended = [process.exitcode for process in processes]
        for process in processes:
            process.kill()
        if killed.state == "completed":  # all done before we came to kill
            break
        assert killed.state == "interrupted"
        assert ended[kill % 2] == -signal.SIGKILL
        assert ended[1 - kill % 2] == 1  # it has heard that its peer is gone
    if killed.state != "completed":
        assert run_together(killed.path, 2) == [0, 0]
    before, after = (load_checkpoint(run.checkpoints / LAST) for run in (straight, killed))
    for name, tensor in before["current_model_state"].items():
        assert torch.equal(after["current_model_state"][name], tensor), name
    for key in ("test", "validation"):
        assert (straight.read_json("summary.json") or {})[key] == (killed.read_json("summary.json") or {})[key]
    pd.testing.assert_frame_equal(pd.read_parquet(straight.predictions_file), pd.read_parquet(killed.predictions_file), check_exact=True)
