"""Progress of work that a person waits for: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hrmlab.core.processes import process_rank

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
        self._description, self._total, self._done = description, total, done
        self._due = time.monotonic() + FIRST_LINE_SECONDS

    def advance(self, count: int) -> None:
        self._done += count
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + LINE_SECONDS
            print(f"{self._description}: {self._done} of {self._total}", file=sys.stderr, flush=True)
