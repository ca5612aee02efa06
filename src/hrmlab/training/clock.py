"""What training takes while it goes on: wall time, processor time, and how busy other processes kept the machine meanwhile."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import psutil


@dataclass(frozen=True, kw_only=True)
class Spent:
    """Time spent in training, over all resumes. What cannot be known is None: another kind of system, or a checkpoint without it.

    Processor time is what a run on the CPU costs however busy the machine is; wall time says the same only where nobody else was on it.

    Attributes:
        seconds: wall time.
        cpu_seconds: processor time of all of the run's processes.
        busy_seconds: time that the machine's cores were busy with anything, summed over cores.
    """

    seconds: float = 0.0
    cpu_seconds: float | None = 0.0
    busy_seconds: float | None = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(
            seconds=self.seconds + other.seconds,
            cpu_seconds=_sum(self.cpu_seconds, other.cpu_seconds),
            busy_seconds=_sum(self.busy_seconds, other.busy_seconds),
        )

    @property
    def other_load(self) -> float | None:
        """Mean share (0 to 1) of the machine's cores that processes other than the run's kept busy."""
        if self.cpu_seconds is None or self.busy_seconds is None or not self.seconds:
            return None
        return min(1.0, max(0.0, (self.busy_seconds - self.cpu_seconds) / (self.seconds * (psutil.cpu_count() or 1))))


class Clock:
    """Counts from :meth:`start` on, added to what :meth:`load_state_dict` says of the time before."""

    def __init__(self) -> None:
        self._before = Spent()
        self.start()

    def start(self) -> None:
        """Training begins, or goes on, now."""
        self._since, self._cpu_since, self._busy_since = time.monotonic(), time.process_time(), _busy_seconds()

    @property
    def seconds(self) -> float:
        """Wall time so far."""
        return self._before.seconds + time.monotonic() - self._since

    def spent(self, *, over_processes: Callable[[float], float] = float, whole_machine: bool = True) -> Spent:
        """Everything so far.

        Args:
            over_processes: adds up a number over the processes of the run; all of them call it.
            whole_machine: whether all of them are on this machine; else nobody knows here what the others' machines did.
        """
        busy = _busy_seconds()
        machine = None if busy is None or self._busy_since is None or not whole_machine else busy - self._busy_since
        return self._before + Spent(
            seconds=time.monotonic() - self._since,
            cpu_seconds=over_processes(time.process_time() - self._cpu_since),
            busy_seconds=machine,
        )

    @staticmethod
    def state_dict(spent: Spent) -> dict[str, float | None]:
        """What a checkpoint keeps."""
        return asdict(spent)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint's state; of older ones only ``seconds`` is known."""
        self._before = Spent(seconds=state["seconds"], cpu_seconds=state.get("cpu_seconds"), busy_seconds=state.get("busy_seconds"))


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def _busy_seconds() -> float | None:
    """Since the machine started, summed over its cores; None where the system does not say (all zero in some sandboxes)."""
    times = psutil.cpu_times()._asdict()
    # Linux counts a guest's time in user and nice already.
    busy = sum(value for name, value in times.items() if name not in ("idle", "iowait", "guest", "guest_nice"))
    return busy if busy > 0 else None
