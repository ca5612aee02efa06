"""Metrics over a whole split, equal to the last digit under any number of processes."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from hrmlab.evaluation.correctness import Correctness


class Ratio(Metric):
    """A sum over a sum, the same in whatever order and on however many processes it was added up.

    Sums of whole numbers are exact in double precision. Of other values each is kept, and their sum is rounded once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.add_state("whole", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("of", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("values", [], dist_reduce_fx="cat")
        self.whole: Tensor
        self.of: Tensor
        self.values: list[Tensor] | Tensor

    def update(self, values: Tensor, of: Tensor | None = None) -> None:
        """Add (B,) values; ``of`` (B,) whole numbers is what they are a part of, by default 1 each."""
        if values.is_floating_point():
            assert isinstance(self.values, list)
            self.values.append(values.double())
        else:
            self.whole = self.whole + values.sum()
        self.of = self.of + (values.numel() if of is None else of.sum())

    def compute(self) -> float:
        """The ratio; NaN of nothing."""
        kept = self.values if isinstance(self.values, Tensor) else torch.cat(self.values) if self.values else self.whole[None][:0]
        total, of = float(self.whole) + math.fsum(kept.tolist()), float(self.of)
        return total / of if of else math.nan


class SplitMetrics(nn.Module):
    """Means over the examples of a split.

    Args:
        scores: names of the task's own scores (``valid_shortest_path``, ...).
        halts: whether the model has a halting head.
    """

    def __init__(self, *, scores: tuple[str, ...], halts: bool) -> None:
        super().__init__()
        names = ["exact_accuracy", "cell_accuracy", "mean_segments", "halting/exact_accuracy", "halting/cell_accuracy"]
        names += ["copied_cells", "copying_accuracy"]
        names += [prefix + score for score in scores for prefix in ("", "halting/")]
        if halts:
            names.append("halting_accuracy")
        # A module's name may not hold a slash.
        self._means = nn.ModuleDict({name.replace("/", ":"): Ratio() for name in names})

    def update(
        self,
        *,
        fixed: Correctness,
        halting: Correctness,
        copied: Correctness,
        copying: Correctness,
        segments: Tensor,
        believed: Tensor | None,
        scores: Mapping[str, Tensor],
    ) -> None:
        """Add B examples; every tensor is (B,).

        Args:
            fixed, halting: the answers after all segments and at learned halting, against the labels.
            copied: the answers after all segments against the inputs, at the asked positions.
            copying: the inputs against the labels: what copying would score.
            segments: used at learned halting.
            believed: whether the model expected its answer to be right.
            scores: both ``name`` and ``halting/name`` of the task's own scores.
        """
        self._add("exact_accuracy", fixed.exact)
        self._add("halting/exact_accuracy", halting.exact)
        cells = {"cell_accuracy": fixed, "halting/cell_accuracy": halting, "copied_cells": copied, "copying_accuracy": copying}
        for name, answered in cells.items():
            self._add(name, answered.cells_right, of=answered.cells)
        self._add("mean_segments", segments)
        if believed is not None:
            self._add("halting_accuracy", believed == halting.exact)
        for name, values in scores.items():
            self._add(name, values)

    def _add(self, name: str, values: Tensor, *, of: Tensor | None = None) -> None:
        ratio = self._means[name.replace("/", ":")]
        assert isinstance(ratio, Ratio)
        ratio.update(values, of)

    def compute(self) -> dict[str, float]:
        """All means, by name; empties the sums."""
        values = {}
        for name, ratio in self._means.items():
            assert isinstance(ratio, Ratio)
            values[name.replace(":", "/")] = ratio.compute()
            ratio.reset()
        return values
