"""Puzzles per second where slots are refilled as soon as a model wants to stop, beside all segments for all, on a model trained for it."""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from hrmlab import open_run
from hrmlab.core.batches import Batch
from hrmlab.evaluation.refilling import answered, halted, rows_of
from hrmlab.evaluation.solve import Solution, solve
from hrmlab.workflows.opened import OpenedRun

SLOTS = (256, 32)
REPETITIONS = 5
RECIPE = (
    "experiments=sudoku/converged_4x4",
    "model.gradient=full",
    "regime.halting=true",
    "regime.segments=16",
    "training.halting_curriculum=0.5",
    "training.steps=4000",
    "training.precision=fp32",
    "evaluation.beyond=1",
)
"""Nano HRM that learns 4x4 Sudoku and when to stop; some four minutes on an idle core."""


def inference(options: dict[str, str]) -> dict[str, Any]:
    """Medians of alternating repetitions over the run's test split; ratios are of processor time, which other load disturbs least."""
    torch.set_num_threads(int(options["threads"]))
    with tempfile.TemporaryDirectory() as folder:
        opened = open_run(options["run"] if "run" in options else trained(Path(folder)))
    test = opened.task.load(progress=False).test
    labels = torch.from_numpy(test.labels).long()
    batch = Batch(torch.from_numpy(test.inputs).long(), labels, torch.from_numpy(test.puzzle_ids).long())
    figures: dict[str, Any] = {"puzzles": len(labels), "segments_cap": opened.reasoner.max_segments}
    for slots in SLOTS:
        figures[f"slots {slots}"] = _compared(opened, batch, slots)
    return figures


def _compared(opened: OpenedRun, batch: Batch, slots: int) -> dict[str, Any]:
    def fixed() -> Solution:
        starts = range(0, len(batch.inputs), slots)
        return Solution.joined([solve(opened.computation, Batch(*(part[start : start + slots] for part in batch))) for start in starts])

    def refilled() -> Solution:
        return halted(answered(opened.computation, rows_of(batch), slots=slots, device=opened.device), batch.labels)

    every, early = fixed(), refilled()  # the first time of each is not timed
    times: dict[str, list[tuple[float, float]]] = {"fixed": [], "refilled": []}
    for _ in range(REPETITIONS):
        times["fixed"].append(_seconds(fixed))
        times["refilled"].append(_seconds(refilled))
    processor = {name: statistics.median(one for one, _ in taken) for name, taken in times.items()}
    ratios = [all_of[0] / some[0] for all_of, some in zip(times["fixed"], times["refilled"], strict=True)]
    count = len(batch.inputs)
    return {
        "puzzles_per_processor_s": {name: round(count / seconds) for name, seconds in processor.items()},
        "times_faster": round(statistics.median(ratios), 2),
        "times_faster_each": [round(ratio, 2) for ratio in ratios],
        "times_faster_by_the_clock": round(
            statistics.median(a[1] / b[1] for a, b in zip(times["fixed"], times["refilled"], strict=True)), 2
        ),
        "mean_segments": round(float(early.segments.mean()), 3),
        "accuracy_after_all_segments": float((every.answers == batch.labels).all(-1).double().mean()),
        "accuracy_refilled": float((early.answers == batch.labels).all(-1).double().mean()),
        "answers_that_differ_from_halting_in_the_fixed_batch": int((early.answers != every.halting_answers).any(-1).sum()),
        "stops_that_differ": int((early.segments != every.segments).sum()),
    }


def _seconds(work: Callable[[], Solution]) -> tuple[float, float]:
    """Processor time and time by the clock."""
    processor, clock = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - processor, time.perf_counter() - clock


def trained(folder: Path, recipe: Sequence[str] = RECIPE) -> Path:
    """A run directory of a recipe."""
    print("training a nano HRM (run=DIR takes one that is there)", file=sys.stderr)
    command = [sys.executable, "-m", "hrmlab.cli.train", *recipe, "trainer.threads=1", f"output_root={folder}"]
    subprocess.run(command, check=True, stdout=sys.stderr)
    return next(folder.rglob("run.json")).parent
