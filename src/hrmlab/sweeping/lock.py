"""One hrm-sweep per study at a time."""

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hrmlab.core.errors import UserError
from hrmlab.runs import claims, locks
from hrmlab.runs.finding import find_runs, tidy_study

_PAUSE = 0.2


@contextmanager
def study_lock(folder: Path, *, say: Callable[[str], None], alone: bool = True) -> Iterator[int]:
    """Hold a study; wait, after saying so, while another hrm-sweep holds it.

    Args:
        alone: no job of the study is at work elsewhere, so what is half written there is left over from processes that were killed.

    Yields the lock's file descriptor. The jobs inherit it, so that the kernel frees the study only when hrm-sweep *and* all its jobs are
    gone, however they went: a sweep started right after ``kill -9`` waits for the orphans' last checkpoints instead of running beside them.
    Where the kernel has no locks, it waits for the runs themselves.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".sweep.lock").open("a+")
    except OSError as error:
        raise UserError(f"output_root: {folder} is not writable ({error.strerror}); choose another with output_root=<folder>") from None
    with file:
        told = False
        while (hold := locks.try_hold(file, ends_process=True)) is None:
            if not told:
                file.seek(0)
                holder = file.read().strip() or "unknown"
                say(f"another hrm-sweep (process {holder}) or its last jobs work on study {folder.name}; waiting (Ctrl-C gives up)")
                told = True
            time.sleep(_PAUSE)
        try:
            file.truncate(0)
            file.write(f"{os.getpid()} on {socket.gethostname()}\n")
            file.flush()
            if hold.by_files:
                _wait_for_jobs(folder, say=say, orphaned=hold.inherited and alone)
            if alone:
                tidy_study(folder.parent, folder.name)  # no other sweep works here, and what single runs hold stays
            yield file.fileno()
        finally:
            hold.release()


def _wait_for_jobs(folder: Path, *, say: Callable[[str], None], orphaned: bool) -> None:
    """Until it is known of every run whether a process works on it, which the kernel's locks tell at once.

    Args:
        orphaned: a sweep was killed, and its jobs may still write their last checkpoints.
    """
    runs = [run for run in find_runs(folder.parent, folder.name) if run.undecided or (orphaned and run.state == "running")]
    until = time.monotonic() + claims.STALE + 2 * claims.BEAT
    if runs:
        say(f"{len(runs)} runs of study {folder.name} were at work; looking whether they still are, at most {claims.STALE / 60:g} minutes")
    asked = list(runs)
    while runs and time.monotonic() < until:
        time.sleep(_PAUSE)
        runs = [run for run in runs if run.undecided or (orphaned and run.state == "running")]
    for run in asked:
        if run.state == "interrupted":
            run.free()
