"""What hrm-sweep asks of whoever starts its jobs, and the choice of one: this machine, or Slurm."""

from collections.abc import Sequence
from typing import Protocol

from hrmlab.config.launching import LauncherSettings, LocalSettings
from hrmlab.core.errors import UserError
from hrmlab.sweeping.local import LocalLauncher
from hrmlab.sweeping.slurm.launcher import SlurmLauncher
from hrmlab.sweeping.work import Told, Work


class Launcher(Protocol):
    """Starts jobs somewhere and follows them.

    Attributes:
        ends_with_sweep: no job is left when hrm-sweep and all that it started on this machine are gone, so what is half written then
            can be taken away.
    """

    ends_with_sweep: bool

    def prepare(self, works: Sequence[Work]) -> None:
        """Give each waiting job its share, and find those that an earlier hrm-sweep left in a queue.

        Raises:
            UserError: one of them cannot be run here.
        """
        ...

    def run(self, works: Sequence[Work], *, lock: int, told: Told) -> None:
        """Run every waiting job and follow those in the queue, until all have ended (or, detached, until all are queued).

        Raises:
            UserError: none could be started.
            Unfinished: jobs cannot be followed any longer.
            KeyboardInterrupt: asked to stop; each job is as its ``state`` says.
        """
        ...


def launcher_of(settings: LauncherSettings, *, limit: int | None, detach: bool, retry_failed: bool) -> Launcher:
    """The launcher that the settings choose.

    Args:
        limit: most jobs at once.
        detach: leave when all jobs are in a queue.
        retry_failed: jobs that failed before run again.

    Raises:
        UserError: what is asked for does not go together.
    """
    if isinstance(settings, LocalSettings):
        if detach:
            raise UserError("--detach leaves jobs in a queue, and launcher=local has none; use launcher=slurm, or leave --detach out")
        return LocalLauncher(limit)
    if detach and limit is not None:
        raise UserError("--detach submits all jobs and leaves; --jobs needs hrm-sweep to stay; leave one of them out")
    return SlurmLauncher(settings, limit=limit, detach=detach, retry_failed=retry_failed)
