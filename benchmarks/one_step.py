"""Processor time of a training step and the most that its segment allocates, for several settings in one process."""

import json
import statistics
import sys
import time
from typing import Any

import torch

from benchmarks.memory import measure as memory_of
from benchmarks.train_step import train

_WARM_UP, _LEAST_STEPS, _SECONDS = 2, 3, 1.0


def measure(job: dict[str, Any]) -> dict[str, Any]:
    """``step_s``: median over at least three steps and a second. ``peak_bytes``: of a forward and backward pass, with gradients."""
    first = _steps(job, _LEAST_STEPS)
    more = int(min(_SECONDS / statistics.median(first), 200))
    steps = _steps(job, more) if more > _LEAST_STEPS else first
    peak = memory_of({**job, "gradient_checkpointing": False})["peak_bytes"]
    return {"step_s": float(f"{statistics.median(steps):.4g}"), "peak_bytes": peak}


def _steps(job: dict[str, Any], count: int) -> list[float]:
    ends: list[float] = []
    train(job, _WARM_UP + count, ended=lambda: ends.append(time.process_time()))
    return [after - before for before, after in zip(ends[_WARM_UP - 1 :], ends[_WARM_UP:], strict=False)]


if __name__ == "__main__":
    jobs = json.loads(sys.argv[1])["jobs"]
    torch.set_num_threads(jobs[0]["threads"])
    print(json.dumps({"steps": [measure(job) for job in jobs]}))
