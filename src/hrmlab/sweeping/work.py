"""What becomes of a job in one hrm-sweep, and who is told of it."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from hrmlab.runs.directory import RunDirectory
from hrmlab.sweeping.jobs import Action, Job
from hrmlab.sweeping.resources import Need
from hrmlab.sweeping.warm import ForkedJob

State = Literal["waiting", "queued", "under way", "completed", "failed", "interrupted", "skipped"]
"""Before and after a job is handed to its launcher; ``queued``: it is in a queue, which may keep it longer than hrm-sweep runs."""


@dataclass
class Work:
    """A job, what is done with it, and how it stands.

    Attributes:
        action: see :data:`hrmlab.sweeping.jobs.Action`.
        run: its run directory, once there is one.
        need: its share of this machine, where it runs here.
        message: why it failed or was left alone, or what it waits for in a queue.
        place: where it runs, in words.
        ticket: its number in a queue; empty where there is none.
        seconds: of wall time in this sweep.
    """

    job: Job
    action: Action
    run: RunDirectory | None
    need: Need | None = None
    state: State = "waiting"
    message: str = ""
    place: str = ""
    ticket: str = ""
    seconds: float = 0.0
    process: subprocess.Popen[bytes] | ForkedJob | None = field(default=None, repr=False)
    gpus: list[str] = field(default_factory=list)
    started: float = 0.0

    @property
    def alone(self) -> bool:
        """Whether it is one process, and on the CPU of this machine."""
        trainer = self.job.config.trainer
        return trainer.devices == trainer.num_nodes == 1 and trainer.strategy == "auto" and self.need is not None and not self.need.gpus


@dataclass(frozen=True)
class Told:
    """Whom a launcher keeps informed.

    Attributes:
        changed: of each start and end of a job.
        tick: called a few times a second.
        say: takes a sentence for the person.
    """

    changed: Callable[[Work], None]
    tick: Callable[[], None]
    say: Callable[[str], None]


def words_to_go_on(work: Work) -> list[str]:
    """The overrides of a job's single-run command: a new run, or the one that was interrupted or failed."""
    if work.run is not None and work.action in ("resume", "retry"):
        logger = [word for word in work.job.overrides if word.lstrip("+").startswith("logger")]
        return [f"resume={work.run.path}", *logger]
    return list(work.job.overrides)


def failure_words(run: RunDirectory) -> str:
    """What a run's FAILED says, in a line."""
    parts = [str(run.failure.get(key) or "").rstrip(".") for key in ("error", "hint")]
    return "; ".join(part for part in parts if part)


def last_lines(work: Work, count: int) -> list[str]:
    """The last lines of a job's log that say something."""
    try:
        text = work.job.log_file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("$ ")][-count:]
