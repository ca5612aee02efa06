"""Jobs side by side on this machine."""

from collections.abc import Sequence
from dataclasses import asdict

from hrmlab.sweeping.pool import run_all
from hrmlab.sweeping.resources import Machine, share_out
from hrmlab.sweeping.work import Told, Work


class LocalLauncher:
    """Each job in a process of its own, as many as the cores and GPUs hold.

    Args:
        limit: most jobs at once; None: as many as fit.
    """

    ends_with_sweep = True

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self._machine: Machine | None = None

    def prepare(self, works: Sequence[Work]) -> None:
        """See :class:`hrmlab.sweeping.launcher.Launcher`."""
        waiting = [work for work in works if work.state == "waiting"]
        self._machine, needs = share_out([asdict(work.job.config.trainer) for work in waiting], limit=self.limit)
        for work, need in zip(waiting, needs, strict=True):
            work.need = need

    def run(self, works: Sequence[Work], *, lock: int, told: Told) -> None:
        """See :class:`hrmlab.sweeping.launcher.Launcher`."""
        assert self._machine is not None, "prepare comes first"
        run_all(works, self._machine, lock=lock, changed=told.changed, tick=told.tick)
