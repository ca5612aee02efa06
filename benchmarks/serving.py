"""Puzzles served one at a time, in fixed batches, and through slots that are refilled; and over HTTP, with many clients."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch

from benchmarks.inference import trained
from hrmlab import open_run
from hrmlab.workflows.opened import OpenedRun

RECIPE = ("experiments=sudoku/demo_4x4", "model=hrm")
"""The nano HRM of hrm-serve's page, which learns when to stop; about a minute on an idle core."""

SLOTS = 32
CLIENTS = 16
PUZZLES = 320
REPETITIONS = 5


def serving(options: dict[str, str]) -> dict[str, Any]:
    """Ratios of processor time, side by side, medians of alternating repetitions; latencies over HTTP by the clock."""
    torch.set_num_threads(int(options["threads"]))
    with tempfile.TemporaryDirectory() as folder:
        run = Path(options["run"]) if "run" in options else trained(Path(folder), RECIPE)
        opened = open_run(run)
        inputs = opened.task.load(progress=False).test.inputs[:PUZZLES]
        return {
            "puzzles": len(inputs),
            "segments_cap": opened.reasoner.max_segments,
            **_compared(opened, inputs),
            "latencies_processor_ms": _latencies(opened, inputs),
            "http": _http(run, inputs),
        }


def _compared(opened: OpenedRun, inputs: np.ndarray) -> dict[str, Any]:
    def fixed() -> np.ndarray:
        parts = [opened.predict(inputs[start : start + SLOTS]).halting_answers for start in range(0, len(inputs), SLOTS)]
        return np.concatenate([part.numpy() for part in parts])

    def engine(slots: int) -> np.ndarray:
        with opened.engine(slots=slots, waiting=len(inputs)) as running:
            futures = [running.submit(row) for row in inputs]
            return np.stack([future.result().tokens.numpy() for future in futures])

    ways: dict[str, Callable[[], np.ndarray]] = {
        "one at a time": lambda: engine(1),
        f"fixed batches of {SLOTS}": fixed,
        f"{SLOTS} refilled slots": lambda: engine(SLOTS),
    }
    said = {name: way() for name, way in ways.items()}  # the first time of each is not timed
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(REPETITIONS):
        for name, way in ways.items():
            started = time.process_time()
            way()
            taken[name].append(time.process_time() - started)
    one, batches, refilled = ways
    ratios = {name: [a / b for a, b in zip(taken[name], taken[refilled], strict=True)] for name in (one, batches)}
    return {
        "puzzles_per_processor_s": {name: round(len(inputs) / statistics.median(seconds)) for name, seconds in taken.items()},
        "refilled_times_faster_than": {name: round(statistics.median(each), 2) for name, each in ratios.items()},
        "each": {name: [round(ratio, 2) for ratio in each] for name, each in ratios.items()},
        "answers_that_differ": {name: int((said[name] != said[refilled]).any(-1).sum()) for name in (one, batches)},
    }


def _latencies(opened: OpenedRun, inputs: np.ndarray) -> dict[str, Any]:
    """What each of as many clients as there are slots waits, who ask again as soon as they are answered, in processor time of this process:
    what else the machine does is not in it. With fixed batches everybody waits for a whole batch."""

    def engine(slots: int) -> list[tuple[float, float]]:
        with opened.engine(slots=slots, waiting=len(inputs)) as running, ThreadPoolExecutor(SLOTS) as clients:

            def ask(row: np.ndarray) -> tuple[float, float]:
                started = time.process_time()
                answer = running.submit(row).result()
                return time.process_time() - started, answer.segments

            return list(clients.map(ask, inputs))

    def fixed() -> list[tuple[float, float]]:
        waits: list[tuple[float, float]] = []
        for start in range(0, len(inputs), SLOTS):
            started = time.process_time()
            found = opened.predict(inputs[start : start + SLOTS])
            waits += [(time.process_time() - started, float(stop)) for stop in found.segments]
        return waits

    ways: dict[str, Callable[[], list[tuple[float, float]]]] = {
        "one at a time": lambda: engine(1),
        f"fixed batches of {SLOTS}": fixed,
        f"{SLOTS} refilled slots": lambda: engine(SLOTS),
    }
    waits: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(REPETITIONS):
        for name, way in ways.items():
            waits[name] += way()
    refilled = waits[f"{SLOTS} refilled slots"]
    middle = statistics.median(segments for _, segments in refilled)
    parts = {
        **{name: [wait for wait, _ in each] for name, each in waits.items()},
        f"refilled, of puzzles of up to {middle:g} segments": [wait for wait, segments in refilled if segments <= middle],
        f"refilled, of puzzles of more than {middle:g} segments": [wait for wait, segments in refilled if segments > middle],
    }
    return {"mean_segments": round(statistics.mean(each for _, each in refilled), 2)} | {
        name: {"p50": round(1000 * statistics.median(each), 1), "p99": round(1000 * float(np.quantile(each, 0.99)), 1), "count": len(each)}
        for name, each in parts.items()
        if each
    }


def _http(run: Path, inputs: np.ndarray) -> dict[str, Any]:
    """What clients wait, and what the server computes for each puzzle, by how many ask at a time."""
    command = [sys.executable, "-m", "hrmlab.cli.serve", f"run={run}", "port=0", "trainer.threads=1", f"slots={SLOTS}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().split()[1]
            with urllib.request.urlopen(f"{url}v1/models") as answer:
                name = json.load(answer)["data"][0]["id"]
            process = psutil.Process(server.pid)

            def ask(row: np.ndarray) -> float:
                started = time.perf_counter()
                body = json.dumps({"model": name, "puzzle": row.tolist()}).encode()
                request = urllib.request.Request(f"{url}v1/solve", body, {"Content-Type": "application/json"})
                with urllib.request.urlopen(request) as answer:
                    answer.read()
                return time.perf_counter() - started

            found: dict[str, Any] = {}
            for clients in (1, CLIENTS):
                before = process.cpu_times()
                started = time.perf_counter()
                with ThreadPoolExecutor(clients) as pool:
                    waits = list(pool.map(ask, inputs))
                seconds, after = time.perf_counter() - started, process.cpu_times()
                points = statistics.quantiles(waits, n=100)
                found[f"{clients} clients"] = {
                    "p50_ms": round(1000 * points[49], 1),
                    "p99_ms": round(1000 * points[98], 1),
                    "puzzles_per_s": round(len(inputs) / seconds, 1),
                    "puzzles_per_processor_s_of_the_server": round(
                        len(inputs) / (after.user + after.system - before.user - before.system), 1
                    ),
                }
            return found
        finally:
            server.terminate()
