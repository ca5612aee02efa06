"""What 8-bit weights cost and bring: accuracy with its interval, answers that changed, processor time and size, before and after."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np
import torch

from hrmlab.core.batches import Batch
from hrmlab.core.errors import UserError
from hrmlab.core.measures import counting
from hrmlab.data.example_set import ExampleSet
from hrmlab.evaluation.solve import SegmentCall, solve
from hrmlab.exporting.exported import Exported, onnx_run
from hrmlab.models.precision import Computation
from hrmlab.runs.files import write_json
from hrmlab.statistics.intervals import wilson_interval
from hrmlab.workflows.export import ONNX, ONNX_INT8
from hrmlab.workflows.opened import OpenedRun

_ROWS, _REPETITIONS = 32, 5


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One way of computing a run's segments.

    Attributes:
        name: what a person calls it.
        measure: wording of the share below, the task's own score.
        solved, count: examples of the test split.
        low, high: Wilson's 95 % interval of their ratio.
        changed: examples whose answer is another one than the run's.
        milliseconds: of processor time for an example's segments, all of them; the median of repetitions that alternate with the others'.
        bytes: of the file; of torch the weights in memory.
    """

    name: str
    measure: str
    solved: int
    count: int
    low: float
    high: float
    changed: int
    milliseconds: float
    bytes: int


def measure_quantised(opened: OpenedRun, folder: Path, *, count: int) -> Iterator[str]:
    """Lines of a table of torch, ONNX in float32 and ONNX in 8 bits; the numbers go to ``measured.json`` in the folder.

    Args:
        opened: the run, on the CPU.
        folder: of :func:`hrmlab.workflows.export.export_run` with ``weights="int8"``.
        count: the first so many examples of the test split.

    Raises:
        UserError: a task whose score is not a share of its examples.
    """
    reasoner, threads = opened.reasoner, torch.get_num_threads()
    computation = Computation(reasoner, "fp32", likelihood=opened.computation.likelihood)
    calls: dict[str, SegmentCall] = {
        "torch float32": computation,
        "onnxruntime float32": Exported(reasoner, onnx_run(folder / ONNX, threads=threads)),
        "onnxruntime int8": Exported(reasoner, onnx_run(folder / ONNX_INT8, threads=threads)),
    }
    sizes = (
        sum(value.numel() * value.element_size() for value in reasoner.parameters()),
        *((folder / name).stat().st_size for name in (ONNX, ONNX_INT8)),
    )
    test = opened.task.load(progress=True).test
    examples = test.select(np.arange(min(count, len(test))))
    times = _milliseconds(calls, examples)
    base: np.ndarray | None = None
    rows: list[Measured] = []
    for (name, call), size in zip(calls.items(), sizes, strict=True):
        scored = opened.score(examples, call=call)
        measure = counting(opened.task.measures, scored.result)
        if measure.unit != "share" or measure.column not in scored.table:
            raise UserError(f"weights=int8 is measured by shares of solved examples, and {opened.task.spec.name} has {measure.wording}")
        outcomes = np.asarray(scored.table[measure.column], dtype=bool)
        interval = wilson_interval(int(outcomes.sum()), len(outcomes))
        assert interval is not None
        assert interval.low is not None
        assert interval.high is not None
        answers = np.asarray(scored.answers.fixed)
        base = answers if base is None else base
        rows.append(
            Measured(
                name=name,
                measure=measure.wording,
                solved=int(outcomes.sum()),
                count=len(outcomes),
                low=interval.low,
                high=interval.high,
                changed=int((answers != base).any(axis=1).sum()),
                milliseconds=times[name],
                bytes=size,
            )
        )
    write_json(folder / "measured.json", {"threads": threads, "rows_at_once": _ROWS, "measured": [asdict(row) for row in rows]})
    return table(rows)


def table(rows: Sequence[Measured]) -> Iterator[str]:
    """Rows as a Markdown table."""
    yield f"| | {rows[0].measure} | 95 % interval | answers changed | processor ms per example | MB |"
    yield "|---|---|---|---|---|---|"
    for row in rows:
        share = f"{row.solved} / {row.count} ({row.solved / row.count:.1%})"
        interval = f"{row.low:.1%} to {row.high:.1%}"
        yield f"| {row.name} | {share} | {interval} | {row.changed} | {row.milliseconds:.2f} | {row.bytes / 1e6:.2f} |"


def _milliseconds(calls: dict[str, SegmentCall], examples: ExampleSet) -> dict[str, float]:
    """Processor time of an example by each way, taken in turns so that whatever else the machine does meets all of them alike."""
    rows = np.arange(_ROWS) % len(examples)
    inputs = torch.from_numpy(examples.inputs[rows]).long()
    batch = Batch(inputs, inputs, torch.from_numpy(examples.puzzle_ids[rows]).long())

    def spent(call: SegmentCall) -> float:
        start = time.process_time()
        solve(call, batch)
        return (time.process_time() - start) * 1000 / _ROWS

    found = [{name: spent(call) for name, call in calls.items()} for _ in range(1 + _REPETITIONS)]
    return {name: median(one[name] for one in found[1:]) for name in calls}  # the first warms up
