"""Sums of training metrics that stay on the device until somebody wants to see them."""

import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from hrmlab.evaluation.correctness import Correctness

_NAMES = ("steps", "slots", "loss", "halted", "exact", "cells_right", "cells", "segments")


class Totals:
    """Adds up without synchronising; :meth:`flush` reads and empties. Remembers the first step whose loss was not finite."""

    def __init__(self) -> None:
        self._sums = torch.zeros(len(_NAMES), dtype=torch.float64)
        self._parts: dict[str, Tensor] = {}
        self._first_bad_step = torch.tensor(-1, dtype=torch.int64)
        self._since = time.monotonic()

    def to(self, device: torch.device) -> None:
        self._sums, self._first_bad_step = self._sums.to(device), self._first_bad_step.to(device)
        self._parts = {name: part.to(device) for name, part in self._parts.items()}
        self._since = time.monotonic()

    def add(self, *, step: int, loss: Tensor, parts: Mapping[str, Tensor], right: Correctness, segments: Tensor, halted: Tensor) -> None:
        """One step: the loss and its parts summed over slots, and for slots that halted how right they were and how long they took."""
        halts = halted.double()
        slots = torch.full_like(halts[0], len(halted))
        sums = (
            torch.ones_like(slots),
            slots,
            loss.double(),
            halts.sum(),
            (right.exact * halts).sum(),
            (right.cells_right * halts).sum(),
            (right.cells * halts).sum(),
            (segments * halts).sum(),
        )
        self._sums += torch.stack(sums)
        for name, part in parts.items():
            self._parts[name] = self._parts.get(name, torch.zeros_like(slots)) + part.detach().double()
        bad = (self._first_bad_step < 0) & ~torch.isfinite(loss)
        self._first_bad_step = torch.where(bad, step, self._first_bad_step)

    @property
    def first_bad_step(self) -> int | None:
        """The step whose loss was NaN or infinite, if any. Synchronises."""
        step = int(self._first_bad_step)
        return None if step < 0 else step

    def flush(self, *, world_size: int = 1) -> dict[str, float]:
        """Means since the last flush, over all processes; accuracies are over examples that halted."""
        names = sorted(self._parts)  # in one order on all processes
        sums = torch.cat([self._sums, *(self._parts[name][None] for name in names)])
        if world_size > 1:
            torch.distributed.all_reduce(sums)
        of_parts = dict(zip(names, sums[len(_NAMES) :].tolist(), strict=True))
        self._parts = {name: torch.zeros_like(part) for name, part in self._parts.items()}
        value = dict(zip(_NAMES, sums[: len(_NAMES)].tolist(), strict=True))
        seconds, self._since = time.monotonic() - self._since, time.monotonic()
        self._sums.zero_()
        means = {
            "train/loss": value["loss"] / max(1.0, value["slots"]),
            **{f"train/loss/{name}": part / max(1.0, value["slots"]) for name, part in of_parts.items()},
            "train/segments_per_second": value["slots"] / max(seconds, 1e-9),
            "train/examples_per_second": value["halted"] / max(seconds, 1e-9),
        }
        if value["halted"]:
            means["train/exact_accuracy"] = value["exact"] / value["halted"]
            means["train/cell_accuracy"] = value["cells_right"] / max(1.0, value["cells"])
            means["train/segments"] = value["segments"] / value["halted"]
        return means

    def state_dict(self) -> dict[str, Any]:
        return {"sums": self._sums.cpu().clone(), "parts": {name: part.cpu().clone() for name, part in self._parts.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._sums = state["sums"].clone()
        self._parts = {name: part.clone() for name, part in state.get("parts", {}).items()}
