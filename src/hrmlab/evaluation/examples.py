"""What became of every single example: the rows of predictions.parquet."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hrmlab.evaluation.correctness import correctness
from hrmlab.evaluation.solve import Solution


class ExampleRecorder:
    """Collects per-example outcomes batch by batch; plain NumPy columns come out, ordered by row number."""

    def __init__(self) -> None:
        self._parts: list[dict[str, np.ndarray]] = []

    def add(self, rows: Tensor, labels: Tensor, solution: Solution, scores: Mapping[str, Tensor]) -> None:
        """Record B counted examples: their row numbers (B,), labels (B, S), solution, and the task's scores, (B,) each."""
        fixed, halting = correctness(solution.answers, labels), correctness(solution.halting_answers, labels)
        columns: dict[str, Tensor] = {
            "index": rows,
            "exact": fixed.exact,
            "exact_halting": halting.exact,
            "cell_accuracy": fixed.cells_right / fixed.cells.clamp(min=1),
            "segments": solution.segments,
            "answer": solution.answers,
            "halting_answer": solution.halting_answers,
            "confidence": solution.confidence,
            "exact_by_segment": solution.exact_by_segment.T,
        }
        for name, values in scores.items():
            columns[f"{name.removeprefix('halting/')}_halting" if name.startswith("halting/") else name] = values
        self._parts.append({name: column.cpu().numpy() for name, column in columns.items()})

    def columns(self, *, world_size: int = 1) -> dict[str, np.ndarray]:
        """All rows of all processes, ordered by ``index``; every process gets them."""
        gathered: list[Any] = [self._parts]
        if world_size > 1:
            gathered = [None] * world_size
            torch.distributed.all_gather_object(gathered, self._parts)
        parts = [part for process in gathered for part in process]
        if not parts:
            return {}
        joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        order = np.argsort(joined["index"], kind="stable")
        return {name: column[order] for name, column in joined.items()}
