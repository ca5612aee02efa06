"""Time as a comparison may use it: processor time where recorded, wall time of a machine that did nothing else, or a mark at it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from hrmlab.reporting.collect.records import RunRecord

IDLE = 0.05
"""The mean share of the cores that other processes may keep busy on a machine that counts as idle."""


@dataclass(frozen=True)
class Clock:
    """How the time of some runs is told.

    Attributes:
        kind: which time.
        caution: why it compares badly, a clause; empty where it may be relied on.
    """

    kind: Literal["processor time", "wall time"]
    caution: str = ""


def clock(runs: Iterable[RunRecord]) -> Clock:
    """One clock for runs that are held against each other: processor time needs it recorded in all of them, none of them on a GPU."""
    asked = list(runs)
    if asked and all("train/cpu_seconds" in run.curves and not _on_accelerator(run) for run in asked):
        return Clock("processor time")
    return Clock("wall time", busy(asked))


def busy(runs: Iterable[RunRecord]) -> str:
    """Why the runs' wall times compare badly, a clause: other processes were at work, or nobody looked; empty where none were."""
    loads = [run.training("other_load") for run in runs]
    known = [load for load in loads if load is not None]
    if any(load > IDLE for load in known):
        return f"other processes kept up to {100 * max(known):.0f} % of the cores busy"
    return "the load by other processes was not recorded" if len(known) < len(loads) else ""


def _on_accelerator(run: RunRecord) -> bool:
    accelerator = run.configured("trainer.accelerator")
    return accelerator != "cpu" if accelerator in ("cpu", "gpu", "cuda", "mps", "tpu") else bool(run.provenance.get("gpus"))
