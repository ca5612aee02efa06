"""From a sweep file to jobs: every one composed and checked before any starts, and matched with the run directories that exist."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from hrmlab.config.composition import Composer, SweepPlan
from hrmlab.config.configuration import Configuration
from hrmlab.config.grid import compose_all, each_arm, expand, is_grid
from hrmlab.config.naming import differing
from hrmlab.core.errors import UserError
from hrmlab.runs.directory import RunDirectory, RunLabels, config_hash
from hrmlab.runs.finding import runs_of
from hrmlab.workflows.labels import labels_of, named, refuse_clash, refuse_namesakes

Action = Literal["start", "resume", "retry", "completed", "running", "failed", "queued"]
"""What to do with a job: the first three run it; the next ones leave it alone for what its run directory says; the last one is in a queue
and followed."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """One run of a sweep.

    Attributes:
        overrides: of its single-run command.
        config: its checked configuration.
        labels: what it is called.
        hash: of its configuration: with the labels, what its run directory is called.
        flags: of its single-run command.
        experiment: the chosen one; without one the task's file.
    """

    overrides: tuple[str, ...]
    config: Configuration
    experiment: str
    labels: RunLabels
    hash: str
    flags: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """For people and for the name of the log file."""
        labels = self.labels
        return f"{labels.task}-{labels.arm}-{labels.size}-seed={labels.seed}-{self.hash}"

    @property
    def log_file(self) -> Path:
        """Where its output goes, appended when it is resumed."""
        return Path(self.config.output_root) / self.labels.study / "logs" / f"{self.name}.log"

    def runs(self) -> list[RunDirectory]:
        """Its launches so far, first launch first."""
        return runs_of(self.config.output_root, self.labels, self.hash)


def compose_jobs(composing: Composer, overrides: Sequence[str]) -> list[Job]:
    """All jobs of a sweep, equal ones once: seed by seed, so that a sweep that is stopped early holds whole comparisons; within a seed in
    the grid's order.

    Raises:
        UserError: whatever is wrong with any of them, before any has started.
    """
    found = dict.fromkeys(composed_jobs(composing, listed_jobs(composing, overrides, composing.plan(overrides))))
    return sorted(found, key=lambda job: job.labels.seed)


def chosen(jobs: Sequence[Job], patterns: Sequence[str]) -> list[Job]:
    """The jobs whose name, without its hash, is like one of the shell's patterns (``*``, ``?``, ``[012]``); without a pattern all of them.

    Raises:
        UserError: a pattern that no name is like.
    """
    if not patterns:
        return list(jobs)
    names = {job: job.name.removesuffix(f"-{job.hash}") for job in jobs}
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names.values()):
            raise UserError(
                f"--only {pattern} is like the name of no job; --dry-run lists them, the first of {len(jobs)} is {names[jobs[0]]}"
            )
    return [job for job in jobs if any(fnmatchcase(names[job], pattern) for pattern in patterns)]


def listed_jobs(composing: Composer, overrides: Sequence[str], plan: SweepPlan) -> list[list[str]]:
    """The overrides of every job of a grid, without what is searched for.

    Raises:
        UserError: the grid names an interval.
    """
    if not all(is_grid(words) for words in each_arm(composing, overrides, plan)):
        raise UserError("hrm-sweep runs grids of listed values; an interval belongs under search.space of a sweep file, which tunes")
    return expand(composing, overrides, plan)


def composed_jobs(composing: Composer, jobs: Sequence[Sequence[str]], *, told: Collection[str] = ()) -> list[Job]:
    """A job for each list of overrides, in their order; those that come to the same are the same job.

    Args:
        told: keys that stand in the arms' names also where all jobs have the same value.

    Raises:
        UserError: whatever is wrong with any of them.
    """
    flags = tuple(word for folder in composing.folders for word in ("--config-dir", str(folder)))
    known: dict[tuple[RunLabels, str], Job] = {}
    found: list[Job] = []
    compositions = compose_all(composing, jobs)
    among = differing(composing, compositions) | set(told) if len(compositions) > 1 or told else None  # one job is named as by hrm-train
    for composition in compositions:
        if composition.config.resume is not None:
            raise UserError("resume belongs to hrm-train; hrm-sweep finds interrupted runs by itself")
        if composition.config.extends is not None:
            raise UserError("extends is filled by hrm-train extend=RUN_DIRECTORY; leave it out")
        config = named(composing, composition, among=among)
        names = [
            f"{key}='{name}'"
            for key, name, before in (("arm", config.arm, composition.config.arm), ("task", config.task, composition.config.task))
            if name != before
        ]
        labels, hash = labels_of(config), config_hash(config.to_plain())
        words = (*composition.overrides, *names)
        job = Job(overrides=words, config=config, experiment=composition.experiment, labels=labels, hash=hash, flags=flags)
        found.append(known.setdefault((labels, hash), job))
    refuse_namesakes([(job.labels, job.config) for job in known.values()])
    for job in known.values():
        refuse_clash(job.config, job.labels)
    for key in ("study", "output_root"):
        values = sorted({str(getattr(job.config, key)) for job in known.values()})
        if len(values) > 1:
            raise UserError(f"{key} differs between the jobs ({', '.join(values)}); the jobs of one sweep share it")
    return found


def decide(job: Job, *, retry_failed: bool) -> tuple[Action, RunDirectory | None]:
    """What to do with a job and the run directory that says so; None when it has none yet."""
    by_state: dict[str, RunDirectory] = {run.state: run for run in job.runs()}
    if "completed" in by_state:
        return "completed", by_state["completed"]
    if "running" in by_state:
        return "running", by_state["running"]
    if "interrupted" in by_state:
        return "resume", by_state["interrupted"]
    if "failed" in by_state:
        return ("retry" if retry_failed else "failed"), by_state["failed"]
    return "start", None
