"""What processes know of each other: their rank, and the parent that they must not outlive."""

import ctypes
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from typing import Literal

SUPERVISOR = "HRMLAB_SUPERVISOR"
"""Environment variable with the process id of the hrm-sweep that this process must not outlive."""

RUN_DIRECTORY = "HRMLAB_RUN_DIRECTORY"
"""Environment variable by which the first process of a distributed run tells the others (its children) the run directory."""

LAUNCH_VARIABLES = (
    *("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_RANK", "NODE_RANK", "MASTER_ADDR", "MASTER_PORT", RUN_DIRECTORY),
    *("TORCHELASTIC_RUN_ID", "TORCHELASTIC_USE_AGENT_STORE", "TORCHELASTIC_RESTART_COUNT"),
    *("SLURM_STEP_ID", "SLURM_STEPID", "SLURM_STEP_NUM_TASKS", "SLURM_STEP_NUM_NODES", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_NTASKS"),
)
"""Environment variables that tell a process its part among several."""

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Launch:
    """Processes that another program has started together.

    Attributes:
        by: that program.
        rank: of this process.
        world_size: how many they are.
        nodes: on how many machines; None where that is not known.
    """

    by: Literal["srun", "torchrun"]
    rank: int
    world_size: int
    nodes: int | None


def external_launch() -> Launch | None:
    """The launch that this process is part of; None where it was started alone, or by the first process of its own run.

    A single process under srun, and the script of a job of Slurm itself, are alone.
    """
    if "TORCHELASTIC_RUN_ID" in os.environ and (rank := _number("RANK")) is not None:
        local, world = _number("LOCAL_WORLD_SIZE"), _number("WORLD_SIZE") or 1
        return Launch("torchrun", rank, world, world // local if local else None)
    tasks, rank = _number("SLURM_STEP_NUM_TASKS"), _number("SLURM_PROCID")
    if tasks is not None and tasks > 1 and rank is not None:
        return Launch("srun", rank, tasks, _number("SLURM_STEP_NUM_NODES"))
    return None


def process_rank() -> int:
    """Rank of this process; 0 for the one that owns the run directory."""
    launch = external_launch()
    if launch is not None:
        return launch.rank
    return next((number for name in ("RANK", "LOCAL_RANK") if (number := _number(name)) is not None), 0)


def _number(name: str) -> int | None:
    value = os.environ.get(name, "")
    return int(value) if value.isdigit() else None


def end_with_parent(parent: int, number: signal.Signals) -> None:
    """Receive a signal when the process that started this one dies, however it dies."""
    linux = sys.platform.startswith("linux")
    if linux:
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked to be told
        os.kill(os.getpid(), number)
    if not linux:
        threading.Thread(target=_watch_parent, args=(parent, number), daemon=True).start()


def follow_supervisor() -> None:
    """End with the hrm-sweep that started this process, where one did."""
    supervisor = os.environ.pop(SUPERVISOR, "")
    if supervisor.isdigit():
        end_with_parent(int(supervisor), signal.SIGTERM)


def _watch_parent(parent: int, number: signal.Signals) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os.kill(os.getpid(), number)
