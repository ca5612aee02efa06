"""What training takes: wall time, processor time, and how busy others kept the machine meanwhile; over all resumes of a run."""

import time
from typing import Any

import psutil


class Clock:
    """Runs from :meth:`start` on; before that it stands at what earlier starts of the run took.

    Processor time is what a run on the CPU costs however busy the machine is; wall time says the same only where nobody else was on it.
    """

    def __init__(self) -> None:
        self._before = {"seconds": 0.0, "cpu_seconds": 0.0, "busy_seconds": 0.0}
        self.start()

    def start(self) -> None:
        """Count from now on."""
        self._since = {"seconds": time.monotonic(), "cpu_seconds": time.process_time(), "busy_seconds": _busy_seconds()}

    @property
    def seconds(self) -> float:
        """Wall time."""
        return self._taken("seconds", time.monotonic())

    @property
    def cpu_seconds(self) -> float:
        """Processor time of this process, all its threads together."""
        return self._taken("cpu_seconds", time.process_time())

    @property
    def other_load(self) -> float | None:
        """The mean share of the machine's cores that other processes kept busy, 0 to 1; None before any time has passed."""
        seconds, cores = self.seconds, psutil.cpu_count() or 1
        if seconds <= 0:
            return None
        others = self._taken("busy_seconds", _busy_seconds()) - self.cpu_seconds
        return min(1.0, max(0.0, others / (seconds * cores)))

    def _taken(self, name: str, now: float) -> float:
        return self._before[name] + now - self._since[name]

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"seconds": self.seconds, "cpu_seconds": self.cpu_seconds, "busy_seconds": self._taken("busy_seconds", _busy_seconds())}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Stand at what a checkpoint holds, from now on; checkpoints of earlier versions hold wall time alone."""
        self._before = {name: float(state.get(name, 0.0)) for name in self._before}
        self.start()


def _busy_seconds() -> float:
    """Processor time that the whole machine has spent on anything but idling, all cores together."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
