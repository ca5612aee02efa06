"""What a user waits for before anything happens."""

import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

_QUICK = (
    "experiments=sudoku/quick_4x4",
    "training.steps=1",
    "training.log_every_steps=1",
    "training.validate_every_steps=1",
    "trainer.progress_bar=false",
    "trainer.threads=1",
)


def startup(options: dict[str, str]) -> dict[str, Any]:
    """Medians of three, after one warm-up that also fills the data cache."""
    train = [sys.executable, "-m", "hrmlab.cli.train"]
    with tempfile.TemporaryDirectory() as folder:
        first_step = [_first_step(Path(folder) / str(number)) for number in range(4)][1:]
        return {
            "help_s": _median([*train, "--help"]),
            "wrong_key_s": _median([*train, "model.hiden_size=64"]),
            "launch_to_first_step_s": round(statistics.median(first_step), 2),
            "whole_one_step_run_s": _median([*train, *_QUICK, f"output_root={folder}/whole"]),
        }


def _median(command: list[str]) -> float:
    times = []
    for _ in range(4):
        start = time.perf_counter()
        subprocess.run(command, capture_output=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"})
        times.append(time.perf_counter() - start)
    return round(statistics.median(times[1:]), 2)


def _first_step(folder: Path) -> float:
    """Seconds from launching a job to the row that its first step writes into metrics.csv."""
    start = time.time()
    command = [sys.executable, "-m", "hrmlab.cli.train", *_QUICK, f"output_root={folder}"]
    subprocess.run(command, capture_output=True, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    (metrics,) = folder.rglob("metrics.csv")
    with metrics.open() as file:
        first = next(row for row in csv.DictReader(file) if row["metric"] == "train/loss")
    # The row's own clock starts with training; the file's birth is when the metrics file was opened just before.
    (config,) = folder.rglob("config.yaml")
    (data,) = folder.rglob("data.json")
    return max(config.stat().st_mtime, data.stat().st_mtime) - start + float(first["seconds"])
