"""Runs jobs in processes of their own, as many side by side as the machine holds. A job that fails stops no other."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from hrmlab.core.errors import LESS_MEMORY
from hrmlab.core.processes import SUPERVISOR
from hrmlab.sweeping.resources import Machine, Need
from hrmlab.sweeping.warm import Starter
from hrmlab.sweeping.work import Work, failure_words, last_lines, words_to_go_on
from hrmlab.workflows.rendezvous import without_launch

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_PATIENCE = 120.0
"""Seconds that a job gets to write its last checkpoint after SIGTERM."""


def words(work: Work) -> list[str]:
    """What hrm-train is to be told."""
    machine = [f"trainer.threads={_need(work).threads}", "trainer.progress_bar=false"]
    return [*work.job.flags, *words_to_go_on(work), *machine]


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
    command = [sys.executable, "-m", "hrmlab.cli.train", *words(work)]
    environment = without_launch(os.environ)
    environment |= dict.fromkeys(_THREAD_VARIABLES, str(_need(work).threads))
    environment |= {SUPERVISOR: str(os.getpid()), "PYTHONUNBUFFERED": "1", "HYDRA_FULL_ERROR": "1"}
    if work.gpus:
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(work.gpus)
    with log_file.open("ab") as log:
        log.write(f"$ {shlex.join(command)}\n".encode())
        log.flush()
        if work.alone:
            work.process = starter.start(words(work), threads=_need(work).threads, environment=environment, log=log)
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
    threads = _need(work).threads
    work.place = f"{threads} thread{'s' if threads != 1 else ''}" + (f", GPU {','.join(work.gpus)}" if work.gpus else "")
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
        work.state, work.message = "failed", failure_words(work.run)
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
    return "".join(last_lines(work, 1)) or f"exit code {code}"


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
