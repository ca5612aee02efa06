"""What a job of a sweep costs beyond its training, and whether hrm-sweep's memory stays flat over many of them."""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

_SMALL = (
    "experiments=sudoku/quick_4x4",
    "study=load",
    "model=transformer",
    "size.parameters=12000",
    "size.head_size=8",
    "data.train_examples=64",
    "data.validation_examples=20",
    "data.test_examples=30",
    "training.steps=20",
    "training.validate_every_steps=20",
    "trainer.progress_bar=false",
    "trainer.threads=1",
)


def job_overhead(options: dict[str, str]) -> dict[str, Any]:
    """``jobs`` (200) short trainings by one hrm-sweep, one at a time, beside three by hrm-train alone. Seconds of wall time, and of all
    processes' processor time, which other load on the machine does not change much."""
    count = int(options.get("jobs", "200"))
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        alone = [_timed([sys.executable, "-m", "hrmlab.cli.train", *_SMALL, f"output_root={folder}/alone"], environment) for _ in range(4)][
            1:
        ]
        seeds = ",".join(map(str, range(count)))
        words = [*_SMALL, f"seed={seeds}", f"output_root={folder}/sweep", "--jobs", "1", "--no-report"]
        memory: list[tuple[int, int]] = []
        wall, processor = _timed([sys.executable, "-m", "hrmlab.cli.sweep", *words], environment, watched=(Path(folder) / "sweep", memory))
        trained = [json.loads(path.read_text())["training"]["wall_seconds"] for path in Path(folder, "sweep").rglob("summary.json")]
    early = [bytes_ for done, bytes_ in memory if done <= max(1, count // 10)]
    return {
        "jobs": len(trained),
        "alone_s": round(statistics.median(wall for wall, _ in alone), 2),
        "alone_processor_s": round(statistics.median(processor for _, processor in alone), 2),
        "per_job_s": round(wall / count, 2),
        "per_job_processor_s": round(processor / count, 2),
        "trained_s": round(statistics.median(trained), 2),
        "overhead_per_job_s": round(wall / count - statistics.mean(trained), 2),
        "parent_memory_mib": [round(value / 2**20) for value in (max(early, default=0), memory[-1][1] if memory else 0)],
    }


def _timed(
    command: list[str], environment: dict[str, str], *, watched: tuple[Path, list[tuple[int, int]]] | None = None
) -> tuple[float, float]:
    """Wall and processor seconds of a command and its children; ``watched``: also (jobs done, resident bytes) of it twice a second."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        while watched is not None and process.poll() is None:
            root, memory = watched
            status = Path(f"/proc/{process.pid}/statm")
            if status.exists() and (words := status.read_text().split()):
                memory.append((sum(1 for _ in root.rglob("COMPLETED")), int(words[1]) * os.sysconf("SC_PAGE_SIZE")))
            time.sleep(0.5)
    if process.returncode:
        raise RuntimeError(f"exit code {process.returncode} of {' '.join(command)}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
