"""An exported segment, called as the reasoner that it was made of: to compare the two, and to score it by the same code."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.exporting.segment import NEXT, Names
from hrmlab.models.reasoner import Reasoner

Outputs = dict[str, Tensor]
Run = Callable[[dict[str, Tensor]], Outputs]
"""Arguments by name to results by name."""


class Exported:
    """What :class:`hrmlab.evaluation.solve.SegmentCall` asks for, answered by an exported file.

    Args:
        reasoner: what it was made of: says how many segments, and how a carry looks.
        run: computes one segment.
    """

    def __init__(self, reasoner: Reasoner, run: Run) -> None:
        self.max_segments = reasoner.max_segments
        self._reasoner, self._run = reasoner, run
        self._threshold = getattr(reasoner, "halting_threshold", None)

    def initial_carry(self, batch_size: int) -> Carry:
        """States of zeros; their first segment is told to begin afresh."""
        made = self._reasoner.initial_carry(batch_size)
        return {"restart": torch.ones(batch_size, dtype=torch.bool), **{name: torch.zeros_like(state) for name, state in made.items()}}

    def __call__(self, carry: Carry, batch: Batch) -> tuple[Carry, Prediction]:
        """One segment."""
        found = self._run({"inputs": batch.inputs.long(), "puzzle_ids": batch.puzzle_ids.long(), **carry})
        after = {name.removeprefix(NEXT): value for name, value in found.items() if name.startswith(NEXT)}
        prediction = Prediction(found["logits"], found.get("q_halt"), found.get("q_continue"), halting_threshold=self._threshold)
        return {"restart": torch.zeros_like(carry["restart"]), **after}, prediction


def onnx_run(path: Path, *, threads: int = 1) -> Run:
    """One segment by onnxruntime on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    wanted = [one.name for one in session.get_inputs()]  # an argument that a reasoner never looks at is none in the file
    results = [one.name for one in session.get_outputs()]

    def run(arguments: dict[str, Tensor]) -> Outputs:
        found = session.run(results, {name: arguments[name].numpy() for name in wanted})
        return {name: torch.from_numpy(np.asarray(value)) for name, value in zip(results, found, strict=True)}

    return run


def program_run(path: Path, names: Names) -> Run:
    """One segment by a program read back from its file."""
    module = torch.export.load(path).module()

    def run(arguments: dict[str, Tensor]) -> Outputs:
        with torch.no_grad():
            return dict(zip(names.outputs, module(*(arguments[name] for name in names.inputs)), strict=True))

    return run
