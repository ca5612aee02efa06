"""Seconds of a step and memory of one run of hrm-train, whatever the number of its processes."""

import csv
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any


def measure(job: dict[str, Any]) -> dict[str, Any]:
    """
    Args:
        job: ``words``, the overrides of hrm-train, with ``output_root``.

    Returns:
        ``step_s``: wall seconds of a step, by what the run logged after its first steps. ``process_bytes``: resident, of its largest
        process.
    """
    environment = {**os.environ, "WANDB_MODE": "offline", "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-m", "hrmlab.cli.train", *job["words"]], env=environment, capture_output=True, text=True, check=True)
    words = dict(word.partition("=")[::2] for word in job["words"])
    (path,) = Path(words["output_root"]).rglob("metrics.csv")
    with path.open(newline="") as rows:
        rates = [float(row["value"]) for row in csv.DictReader(rows) if row["metric"] == "train/segments_per_second"]
    settled = sorted(rates[2:])
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return {"step_s": round(int(words["training.batch_size"]) / settled[len(settled) // 2], 4), "process_bytes": peak}


if __name__ == "__main__":
    print(json.dumps(measure(json.loads(sys.argv[1]))))
