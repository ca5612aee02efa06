"""How long a report takes and how much memory, for a thousand run directories of a thousand predictions each."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from run_factory import make_run  # pyright: ignore[reportMissingImports] - the synthetic runs of the unit tests

_TASKS = [f"task_{place}" for place in range(10)]
_ARMS = ("hrm", "transformer", "deep_supervision_transformer", *(f"hrm,segments={number}" for number in range(1, 8)))
_SEEDS = 10
_PROGRAM = """
import json, resource, sys, time
start = time.perf_counter()
from hrmlab.reporting.report import make_report
report = make_report(study="big", output_root=sys.argv[1], reports_root=sys.argv[2])
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    "runs": len(report.study.runs),
    "seconds": round(time.perf_counter() - start, 1),
    "processor_seconds": round(used.ru_utime + used.ru_stime, 1),
    "peak_bytes": used.ru_maxrss * 1024,
    "html_bytes": report.path.with_suffix(".html").stat().st_size,
    "report_bytes": sum(path.stat().st_size for path in report.path.parent.rglob("*") if path.is_file()),
}))
"""


def report(options: dict[str, str]) -> dict[str, Any]:
    """10 tasks x 10 arms x 10 seeds, each with 1,000 predictions, read and rendered by a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        for task in _TASKS:
            for arm in _ARMS:
                for seed in range(_SEEDS):
                    make_run(Path(folder) / "outputs", study="big", task=task, arm=arm, seed=seed, examples=1000)
        return timed_report(Path(folder))


def timed_report(folder: Path) -> dict[str, Any]:
    """What a process of its own takes for the report of study ``big`` under ``outputs`` in a folder, with its size."""
    command = [sys.executable, "-c", _PROGRAM, f"{folder}/outputs", f"{folder}/reports"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
