"""Runs jobs in processes of their own, as many side by side as the machine holds. A job that fails stops no other."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from hrmlab.core.errors import LESS_MEMORY
from hrmlab.core.processes import SUPERVISOR
from hrmlab.runs.directory import RunDirectory
from hrmlab.sweeping.jobs import Action, Job
from hrmlab.sweeping.resources import Machine, Need
from hrmlab.sweeping.warm import ForkedJob, Starter
from hrmlab.workflows.launch import RUN_DIRECTORY

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_RANK_VARIABLES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "NODE_RANK", "MASTER_ADDR", "MASTER_PORT", RUN_DIRECTORY)
_PATIENCE = 120.0
"""Seconds that a job gets to write its last checkpoint after SIGTERM."""

State = Literal["waiting", "under way", "completed", "failed", "interrupted", "skipped"]


@dataclass
class Work:
    """A job, what is done with it, and how it stands.

    Attributes:
        action: see :data:`hrmlab.sweeping.jobs.Action`.
        run: its run directory, once there is one.
        need: its share of the machine.
        message: why it failed or was left alone.
        seconds: of wall time in this sweep.
    """

    job: Job
    action: Action
    run: RunDirectory | None
    need: Need | None = None
    state: State = "waiting"
    message: str = ""
    seconds: float = 0.0
    process: "subprocess.Popen[bytes] | ForkedJob | None" = field(default=None, repr=False)
    gpus: list[str] = field(default_factory=list)
    started: float = 0.0

    @property
    def alone(self) -> bool:
        """Whether it is one process, and on the CPU."""
        trainer = self.job.config.trainer
        return trainer.devices == trainer.num_nodes == 1 and trainer.strategy == "auto" and self.need is not None and not self.need.gpus

    def words(self) -> list[str]:
        """What hrm-train is to be told."""
        assert self.need is not None
        machine = [f"trainer.threads={self.need.threads}", "trainer.progress_bar=false"]
        if self.run is not None and self.action in ("resume", "retry"):
            logger = [word for word in self.job.overrides if word.lstrip("+").startswith("logger")]
            words = [f"resume={self.run.path}", *logger, *machine]
        else:
            words = [*self.job.overrides, *machine]
        return [*self.job.flags, *words]


def run_all(works: Sequence[Work], machine: Machine, *, lock: int, changed: Callable[[Work], None], tick: Callable[[], None]) -> None:
    """Run every waiting job; ``changed`` is told of each start and end, ``tick`` is called a few times a second.

    On KeyboardInterrupt every job gets SIGTERM, writes its checkpoint, and is waited for before the interrupt goes on.
    """
    waiting = [work for work in works if work.state == "waiting"]
    under_way: list[Work] = []
    with Starter(worth_it=sum(work.alone for work in waiting) > 1, lock=lock) as starter:
        _run(waiting, under_way, machine, starter, lock=lock, changed=changed, tick=tick)


def _run(
    waiting: list[Work],
    under_way: list[Work],
    machine: Machine,
    starter: Starter,
    *,
    lock: int,
    changed: Callable[[Work], None],
    tick: Callable[[], None],
) -> None:
    try:
        while waiting or under_way:
            while waiting and (gpus := machine.take(_need(waiting[0]))) is not None:
                work = waiting.pop(0)
                work.gpus = gpus
                under_way.append(work)
                _start(work, lock, starter)
                changed(work)
            for work in list(under_way):
                if _ended(work):
                    under_way.remove(work)
                    starter.bury([work.process.pid for work in under_way if work.process is not None])
                    machine.give_back(_need(work), work.gpus)
                    changed(work)
            tick()
            if under_way:
                time.sleep(0.1)
    except BaseException:
        for work in _stop(under_way):
            changed(work)
        raise


def _need(work: Work) -> Need:
    assert work.need is not None
    return work.need


def _start(work: Work, lock: int, starter: Starter) -> None:
    log_file = work.job.log_file
    log_file.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "hrmlab.cli.train", *work.words()]
    environment = {name: value for name, value in os.environ.items() if name not in _RANK_VARIABLES}
    environment |= dict.fromkeys(_THREAD_VARIABLES, str(_need(work).threads))
    environment |= {SUPERVISOR: str(os.getpid()), "PYTHONUNBUFFERED": "1", "HYDRA_FULL_ERROR": "1"}
    if work.gpus:
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(work.gpus)
    with log_file.open("ab") as log:
        log.write(f"$ {shlex.join(command)}\n".encode())
        log.flush()
        if work.alone:
            work.process = starter.start(work.words(), threads=_need(work).threads, environment=environment, log=log)
        # A session of its own: Ctrl-C in the terminal reaches hrm-sweep alone, which then asks each job to stop.
        work.process = work.process or subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            pass_fds=(lock,),
            start_new_session=True,
        )
    work.started, work.state = time.monotonic(), "under way"


def _ended(work: Work) -> bool:
    assert work.process is not None
    code = work.process.poll()
    if code is None:
        work.seconds = time.monotonic() - work.started
        return False
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(work.process.pid, signal.SIGKILL)  # processes of a distributed run that outlived their first one
    launches = work.job.runs()
    work.run = launches[-1] if launches and work.action == "start" else work.run
    state = work.run.state if work.run is not None else "none"
    if code == 0 and state == "completed":
        work.state = "completed"
    elif state == "failed" and work.run is not None:
        parts = [str(work.run.failure.get(key) or "").rstrip(".") for key in ("error", "hint")]
        work.state, work.message = "failed", "; ".join(part for part in parts if part)
    elif code in (130, 143, -signal.SIGTERM, -signal.SIGINT):
        work.state, work.message = "interrupted", "stopped; the next hrm-sweep resumes it"
    elif code < 0 and state == "interrupted":
        work.state, work.message = "interrupted", _why(work, code)
    else:
        work.state, work.message = "failed", _why(work, code)
    return True


def _why(work: Work, code: int) -> str:
    if code == -signal.SIGKILL:
        return f"killed by the operating system (SIGKILL), probably out of memory; {LESS_MEMORY}; the next hrm-sweep resumes it"
    if code < 0:
        return f"killed by the operating system ({signal.Signals(-code).name}); the next hrm-sweep resumes it"
    lines = [line for line in work.job.log_file.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines and not lines[-1].startswith("$ ") else f"exit code {code}"


def _stop(under_way: Sequence[Work]) -> Iterator[Work]:
    """SIGTERM to every job, then wait; a second Ctrl-C or the end of patience kills."""
    deadline = time.monotonic() + _PATIENCE
    for work in under_way:
        if work.process is not None and work.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                work.process.terminate()
    for work in under_way:
        if work.process is None:
            continue
        try:
            work.process.wait(timeout=max(0.1, deadline - time.monotonic()))
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            deadline = time.monotonic()
            work.process.kill()
            work.process.wait()
        _ended(work)
        yield work
