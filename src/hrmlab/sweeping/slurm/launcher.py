"""Each job of a sweep as a job of Slurm. What stands in the queue and in the run directories is all that is known of them: hrm-sweep may
end at any moment, and the next one finds the jobs by the comment that they were submitted with."""

import hashlib
import os
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from hrmlab.config.launching import SlurmSettings
from hrmlab.core.errors import Unfinished, UserError
from hrmlab.sweeping.jobs import Job
from hrmlab.sweeping.slurm import queue
from hrmlab.sweeping.slurm.queue import Queued, Refused
from hrmlab.sweeping.work import Told, Work, failure_words, last_lines
from hrmlab.workflows.rendezvous import without_launch

_SCRIPT = Path(__file__).with_name("job.sh")
_SILENCE = 1800.0
"""Seconds without an answer of Slurm after which hrm-sweep leaves the jobs to themselves."""
_LOOKS = 4
"""So often a job that has left the queue is looked at: the folder of another machine may show its last records late."""
_TICK = 0.2
_SHOWN_LINES = 3
_NEVER_STARTS = ("launch failed requeued held", "BadConstraints", "DependencyNeverSatisfied")
"""Reasons to wait that no waiting ends."""


class SlurmLauncher:
    """Submits with sbatch, follows with squeue.

    Args:
        settings: of every job.
        limit: most jobs in the queue at once; None: all.
        detach: leave when all are in the queue.
        retry_failed: jobs that failed before run again.
    """

    ends_with_sweep = False

    def __init__(self, settings: SlurmSettings, *, limit: int | None, detach: bool, retry_failed: bool) -> None:
        self.settings, self.limit, self.detach, self.retry_failed = settings, limit, detach, retry_failed
        self._answered = time.monotonic()
        self._looks: dict[str, int] = {}
        self._submitted = 0

    def prepare(self, works: Sequence[Work]) -> None:
        """See :class:`hrmlab.sweeping.launcher.Launcher`."""
        queue.check_commands()
        found = queue.queue()
        if found is None:
            raise UserError(
                "squeue does not answer, so nothing is known of jobs that are there already; see to Slurm (sinfo) and try again"
            )
        by_comment = {queued.comment: queued for queued in found.values()}
        for work in works:
            if work.state != "completed" and (queued := by_comment.get(comment_of(work.job))) is not None:
                work.action, work.state, work.ticket = "queued", "queued", queued.id
                self._note(work, queued)

    def run(self, works: Sequence[Work], *, lock: int, told: Told) -> None:
        """See :class:`hrmlab.sweeping.launcher.Launcher`."""
        waiting = [work for work in works if work.state == "waiting"]
        live = [work for work in works if work.state in ("queued", "under way")]
        for work in live:
            self._begin(work, told)
        refusal: Refused | None = None
        try:
            while waiting or live:
                while waiting and refusal is None and (self.limit is None or len(live) < self.limit):
                    try:
                        self._submit(waiting[0])
                    except Refused as error:
                        refusal = error
                    else:
                        live.append(waiting.pop(0))
                        self._begin(live[-1], told)
                if refusal is not None and (self.detach or not live):
                    raise self._refused(refusal, waiting)
                if self.detach:
                    return
                self._wait(told)
                ended = self._look(live, told)
                live = [work for work in live if work not in ended]
                refusal = None if ended else refusal  # there is room again where the number of jobs was limited
        except KeyboardInterrupt as interrupt:
            told.say(_left(live))
            raise type(interrupt)("stopped following; the same command goes on from there") from None

    def _begin(self, work: Work, told: Told) -> None:
        work.started = time.monotonic()
        told.changed(work)

    def _submit(self, work: Work) -> None:
        job = work.job
        job.log_file.parent.mkdir(parents=True, exist_ok=True)
        _deaths_of(job).unlink(missing_ok=True)
        options, arguments = self.options(job), self.arguments(work)
        with job.log_file.open("a", encoding="utf-8") as log:
            log.write(f"$ sbatch {shlex.join([*options, str(_SCRIPT), *arguments])}\n")
        environment = {**without_launch(queue.outside_any_job(os.environ)), "PYTHONUNBUFFERED": "1", "HYDRA_FULL_ERROR": "1"}
        threads = str(self.cpus(job))
        environment |= {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        work.ticket = queue.submit(options, str(_SCRIPT), arguments, environment)
        work.state, work.message, work.place = "queued", "", f"Slurm job {work.ticket}"
        self._submitted += 1

    def cpus(self, job: Job) -> int:
        """CPUs, and threads, of each process of a job."""
        return self.settings.cpus or job.config.trainer.threads or 1

    def options(self, job: Job) -> list[str]:
        """What sbatch is told of a job."""
        settings, trainer = self.settings, job.config.trainer
        asked = {
            "partition": settings.partition,
            "account": settings.account,
            "qos": settings.qos,
            "time": settings.time_limit_minutes,
            "mem": settings.memory,
        }
        words = [f"--{name}={value}" for name, value in asked.items() if value is not None]
        if trainer.accelerator == "gpu":
            kind = f"{settings.gpu_type}:" if settings.gpu_type else ""
            words.append(f"--gres=gpu:{kind}{trainer.devices}")
        log = str(job.log_file.resolve()).replace("%", "%%")  # sbatch has a grammar for file names
        return [
            *words,
            f"--nodes={trainer.num_nodes}",
            f"--ntasks={trainer.num_nodes * trainer.devices}",
            f"--ntasks-per-node={trainer.devices}",
            f"--cpus-per-task={self.cpus(job)}",
            f"--signal=B:USR1@{settings.signal_seconds}",
            "--requeue",
            "--open-mode=append",
            f"--output={log}",
            f"--chdir={Path.cwd()}",
            f"--job-name={job.name}-{_digest(job)}",
            f"--comment={comment_of(job)}",
            "--dependency=singleton",  # two jobs of one name, and so of one run, are never at work together, whatever this sweep knows
            *settings.sbatch_arguments,
        ]

    def arguments(self, work: Work) -> list[str]:
        """What job.sh is told."""
        settings, job = self.settings, work.job
        flags = [*job.flags, *(["--retry-failed"] if self.retry_failed else [])]
        machine = [f"trainer.threads={self.cpus(job)}", "trainer.progress_bar=false"]
        command = [sys.executable, "-m", "hrmlab.cli.job", *flags, *job.overrides, *machine]
        return [str(settings.requeues), str(settings.retries), str(_deaths_of(job).resolve()), *settings.srun_arguments, *command]

    def _wait(self, told: Told) -> None:
        """Until the next look at the queue."""
        until = time.monotonic() + self.settings.poll_seconds
        while (left := until - time.monotonic()) > 0:
            told.tick()
            time.sleep(min(_TICK, left))

    def _look(self, live: Sequence[Work], told: Told) -> list[Work]:
        """Those that have ended since the last look."""
        found = queue.queue()
        if found is None:
            silent = time.monotonic() - self._answered
            if silent > _SILENCE:
                raise Unfinished(f"Slurm has not answered for {silent / 60:.0f} minutes; its jobs go on, and so does the same command")
            return []
        self._answered = time.monotonic()
        ended = []
        for work in live:
            work.seconds = time.monotonic() - work.started
            queued = found.get(work.ticket)
            if queued is not None:
                before = work.state
                self._note(work, queued)
                if queued.reason in _NEVER_STARTS:
                    queue.cancel(work.ticket)
                    work.state, work.message = (
                        "failed",
                        f"Slurm never starts it ({queued.reason}) and it was cancelled; see {work.job.log_file}",
                    )
                    ended.append(work)
                if work.state != before:
                    told.changed(work)
            elif self._ended(work):
                ended.append(work)
                told.changed(work)
        return ended

    def _note(self, work: Work, queued: Queued) -> None:
        """How a job in the queue stands."""
        pending = queued.state == "PENDING"
        work.state = "queued" if pending else "under way"
        work.message = f"waits in Slurm's queue as job {queued.id} ({queued.reason})" if pending else ""
        work.place = f"Slurm job {queued.id}" + (f" on {queued.nodes}" if queued.nodes else "")
        self._looks.pop(work.ticket, None)

    def _ended(self, work: Work) -> bool:
        """Settle a job that has left the queue; False where its records may still be on their way."""
        launches = work.job.runs()
        work.run = launches[-1] if launches else work.run
        state = work.run.state if work.run is not None else "none"
        if state == "completed":
            work.state, work.message = "completed", ""
            return True
        if state == "failed" and work.run is not None:
            work.state, work.message = "failed", failure_words(work.run)
            return True
        how = queue.ending(work.ticket)
        self._looks[work.ticket] = self._looks.get(work.ticket, 0) + 1
        if how in ("", "COMPLETED", "COMPLETING", "RUNNING", "PENDING") and self._looks[work.ticket] < _LOOKS:
            return False
        lines = " | ".join(last_lines(work, _SHOWN_LINES))
        known = (
            f"Slurm ended job {work.ticket}: {how}" if how else f"job {work.ticket} is gone from Slurm's queue without an end of its run"
        )
        told = f"{known}; last lines of its log: {lines}" if lines else f"{known}; its log is empty"
        work.state = "failed" if work.run is None else "interrupted"
        work.message = told if work.run is None else f"{told}; the next hrm-sweep resumes it"
        return True

    def _refused(self, refusal: Refused, waiting: Sequence[Work]) -> UserError:
        """The sentence for a queue that takes no more."""
        if not self._submitted:
            return refusal
        return UserError(
            f"{refusal}; {self._submitted} jobs were submitted before, {len(waiting)} were not; the same command goes on from there"
        )


def comment_of(job: Job) -> str:
    """By what a job is found in the queue: names its run and where that is, and nothing else."""
    return f"hrmlab:{_digest(job)}"


def _digest(job: Job) -> str:
    return hashlib.blake2b(str(job.log_file.resolve()).encode(), digest_size=8).hexdigest()


def _deaths_of(job: Job) -> Path:
    """Where job.sh counts how often processes of the job were killed."""
    return job.log_file.with_suffix(".deaths")


def _left(live: Sequence[Work]) -> str:
    """What becomes of the jobs that are not followed any longer."""
    tickets = " ".join(work.ticket for work in live)
    return f"{len(live)} jobs stay in Slurm's queue; to end them: scancel {tickets}" if live else "no job is left in Slurm's queue"
