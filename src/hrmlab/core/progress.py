"""Progress of work that a person waits for: a bar on a terminal, a line now and then elsewhere; both say what is left."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hrmlab.core.processes import process_rank
from hrmlab.core.quantities import remaining

FIRST_LINE_SECONDS, LINE_SECONDS = 10.0, 30.0


@contextmanager
def progress_bar(description: str, total: int, *, shown: bool, done: int = 0) -> Iterator[Callable[[int], None]]:
    """Yield a function that is told how many more are done. Everything goes to standard error, and nothing unless ``shown``."""
    if not shown or process_rank() > 0:
        yield lambda count: None
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(description, total=total, completed=done)
            yield lambda count: bar.advance(task, count)
    else:
        yield _Lines(description, total, done).advance


class _Lines:
    def __init__(self, description: str, total: int, done: int) -> None:
        self._description, self._total, self._done, self._before = description, total, done, done
        self._start = time.monotonic()
        self._due = self._start + FIRST_LINE_SECONDS

    def advance(self, count: int) -> None:
        self._done += count
        if (now := time.monotonic()) >= self._due:
            self._due = now + LINE_SECONDS
            left = remaining(self._done - self._before, self._total - self._before, now - self._start)
            print(f"{self._description}: {self._done} of {self._total}{left and f', {left}'}", file=sys.stderr, flush=True)
