"""Cores and GPUs: how many jobs run side by side, with how many threads, on which devices."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hrmlab.core.errors import UserError


def visible_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def visible_gpus() -> list[str]:
    """What CUDA_VISIBLE_DEVICES can hold for each GPU that this process may use."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip() not in ("", "-1")]
    try:
        answer = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20, check=True, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return []
    return [str(index) for index, line in enumerate(line for line in answer.stdout.splitlines() if line.startswith("GPU "))]


@dataclass(frozen=True)
class Need:
    """What one job takes.

    Attributes:
        threads: CPU threads of each of its processes.
        cores: threads of all its processes.
        gpus: number of GPUs.
    """

    threads: int
    cores: int
    gpus: int


@dataclass
class Machine:
    """The cores and GPUs, free and taken."""

    cores: int
    gpus: Sequence[str]
    limit: int
    free_cores: int = field(init=False)
    free_gpus: list[str] = field(init=False)
    running: int = 0

    def __post_init__(self) -> None:
        self.free_cores, self.free_gpus = self.cores, list(self.gpus)

    def take(self, need: Need) -> list[str] | None:
        """The GPUs for a job that starts now; None when it must wait."""
        cores = min(need.cores, self.cores)  # more processes than cores: alone on the machine
        if self.running >= self.limit or cores > self.free_cores or need.gpus > len(self.free_gpus):
            return None
        self.running, self.free_cores = self.running + 1, self.free_cores - cores
        taken, self.free_gpus = self.free_gpus[: need.gpus], self.free_gpus[need.gpus :]
        return taken

    def give_back(self, need: Need, gpus: Sequence[str]) -> None:
        """A job has ended."""
        self.running, self.free_cores = self.running - 1, self.free_cores + min(need.cores, self.cores)
        self.free_gpus.extend(gpus)


def share_out(trainers: Sequence[Mapping[str, Any]], *, limit: int | None) -> tuple[Machine, list[Need]]:
    """The machine and each job's share of it: jobs side by side times threads never exceeds the cores.

    Args:
        trainers: the trainer section of each job.
        limit: most jobs at once; None for as many as the cores (for GPU jobs, the GPUs) hold.

    Raises:
        UserError: a job asks for more threads or GPUs than there are.
    """
    cores = visible_cores()
    gpus = visible_gpus() if any(trainer["accelerator"] != "cpu" for trainer in trainers) else []
    asked = [_gpus_of(trainer, gpus) for trainer in trainers]
    side_by_side = cores if limit is None else limit
    if any(asked):
        side_by_side = min(side_by_side, max(1, len(gpus) // min(count for count in asked if count)))
    side_by_side = max(1, min(side_by_side, len(trainers), cores))
    needs = [_need(trainer, count, cores=cores, side_by_side=side_by_side) for trainer, count in zip(trainers, asked, strict=True)]
    return Machine(cores=cores, gpus=gpus, limit=side_by_side), needs


def _need(trainer: Mapping[str, Any], gpus: int, *, cores: int, side_by_side: int) -> Need:
    devices, asked = trainer["devices"], trainer["threads"]
    threads = asked or max(1, cores // side_by_side // devices)
    if asked and asked * devices > max(cores, devices):
        raise UserError(
            f"trainer.threads={asked} times trainer.devices={devices} exceeds the {cores} cores of this machine; lower one of them"
        )
    return Need(threads=threads, cores=threads * devices, gpus=gpus)


def _gpus_of(trainer: Mapping[str, Any], gpus: Sequence[str]) -> int:
    if trainer["num_nodes"] > 1:
        raise UserError(
            f"trainer.num_nodes={trainer['num_nodes']}: this machine is one; use trainer.num_nodes=1, or launcher=slurm on a cluster"
        )
    if trainer["accelerator"] == "cpu" or (trainer["accelerator"] == "auto" and not gpus):
        return 0
    if trainer["devices"] > len(gpus):
        remedy = "use trainer=cpu" if not gpus else f"lower trainer.devices to {len(gpus)}"
        raise UserError(f"trainer={trainer['name']} asks for {trainer['devices']} GPU(s) and {len(gpus)} are visible; {remedy}")
    return trainer["devices"]
