"""A report on very many run directories: how time and memory grow, and whether 100,000 runs fit into an hour and 8 GB."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from hrmlab.runs import mark
from run_factory import make_run  # pyright: ignore[reportMissingImports] - the synthetic runs of the unit tests

_TASKS, _ARMS = 10, 10
_PREDICTIONS, _VALIDATIONS = 100, 10
_PROGRAM = """
import json, os, resource, sys, time
start = time.perf_counter()
from hrmlab.reporting.report import make_report
report = make_report(study="big", output_root=sys.argv[1], reports_root=sys.argv[2])
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    "runs": len(report.study.runs),
    "seconds": round(time.perf_counter() - start, 1),
    "processor_seconds": round(used.ru_utime + used.ru_stime, 1),
    "peak_bytes": used.ru_maxrss * 1024,
    "report_bytes": sum(path.stat().st_size for path in report.path.parent.rglob("*") if path.is_file()),
}))
"""


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
        command = [sys.executable, "-c", _PROGRAM, f"{folder}/outputs", f"{folder}/reports"]
        return figures | json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
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
