"""What processes know of each other: their rank, and the parent that they must not outlive."""

import ctypes
import os
import signal
import sys
import threading
import time

SUPERVISOR = "HRMLAB_SUPERVISOR"
"""Environment variable with the process id of the hrm-sweep that this process must not outlive."""

_PR_SET_PDEATHSIG = 1


def process_rank() -> int:
    """Rank of this process; 0 for the one that owns the run directory."""
    for name in ("RANK", "LOCAL_RANK", "SLURM_PROCID"):
        value = os.environ.get(name, "")
        if value.isdigit() and (name != "SLURM_PROCID" or os.environ.get("SLURM_NTASKS", "1") != "1"):
            return int(value)
    return 0


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
