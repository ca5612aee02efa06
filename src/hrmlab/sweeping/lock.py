"""One hrm-sweep per study at a time."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hrmlab.core.errors import UserError
from hrmlab.runs.finding import tidy_study


@contextmanager
def study_lock(folder: Path, *, say: Callable[[str], None], alone: bool = True) -> Iterator[int]:
    """Hold a study; wait, after saying so, while another hrm-sweep holds it.

    Args:
        alone: no job of the study is at work elsewhere, so what is half written there is left over from processes that were killed.

    Yields the lock's file descriptor. The jobs inherit it, so that the kernel frees the study only when hrm-sweep *and* all its jobs are
    gone, however they went: a sweep started right after ``kill -9`` waits for the orphans' last checkpoints instead of running beside them.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".sweep.lock").open("a+")
    except OSError as error:
        raise UserError(f"output_root: {folder} is not writable ({error.strerror}); choose another with output_root=<folder>") from None
    with file:
        told = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    file.seek(0)
                    holder = file.read().strip() or "unknown"
                    say(f"another hrm-sweep (process {holder}) or its last jobs work on study {folder.name}; waiting (Ctrl-C gives up)")
                    told = True
                time.sleep(0.2)
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        if alone:
            tidy_study(folder.parent, folder.name)  # no other sweep works here, and what single runs hold stays
        yield file.fileno()
