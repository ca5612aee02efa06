"""A report on very many run directories: how time and memory grow, and whether 100,000 runs fit into an hour and 8 GB."""

import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.report import timed_report  # which puts tests/ on the path
from hrmlab.runs import mark
from run_factory import make_run  # pyright: ignore[reportMissingImports] - the synthetic runs of the unit tests

_TASKS, _ARMS = 10, 10
_PREDICTIONS, _VALIDATIONS = 100, 10


def runs_100000(options: dict[str, str]) -> dict[str, Any]:
    """``runs`` (100,000) run directories of 10 tasks x 10 arms, each with 100 predictions and 10 validations, and their report.

    They are made by the same writers as those of trainings, marks with digests included, but not made durable one by one: what a disk takes
    for that is no matter of the format. In ``folder`` (the system's temporary one), and removed afterwards.
    """
    count = int(options.get("runs", "100000"))
    folder = Path(tempfile.mkdtemp(prefix="hrmlab-runs-", dir=options.get("folder")))
    try:
        before, start = time.process_time(), time.perf_counter()
        made = _make(folder / "outputs", count)
        figures = {
            "making_s": round(time.perf_counter() - start, 1),
            "making_processor_s": round(time.process_time() - before, 1),
            **made,
        }
        return figures | timed_report(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _make(outputs: Path, count: int) -> dict[str, Any]:
    """Make the runs; how many bytes and names the file system has for one of them."""
    fsync, path = os.fsync, outputs
    os.fsync = lambda descriptor: None
    try:
        for number in range(count):
            seed, place = divmod(number, _TASKS * _ARMS)
            task, arm = f"task_{place % _TASKS}", f"hrm,segments={place // _TASKS + 1}"
            path = make_run(outputs, study="big", task=task, arm=arm, seed=seed, examples=_PREDICTIONS, rows=_VALIDATIONS).path
            mark.write_mark(path)
    finally:
        os.fsync = fsync
    last = [path.stat() for path in path.rglob("*")]
    return {
        "files_per_run": len(last),
        "bytes_per_run": sum(item.st_size for item in last),
        "disk_per_run": sum(item.st_blocks * 512 for item in last),
    }
