"""Ctrl-C, SIGTERM and SIGUSR1 (what Slurm sends before a time limit) as requests to save and stop between two steps, not as axes."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

from hrmlab.core import termination
from hrmlab.core.errors import Terminated

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


class StopRequested(BaseException):
    """Training has saved its state and stops because a signal asked for it."""


class StopSignal:
    """Notes the first of the signals. A second Ctrl-C stops at once.

    Lightning's own handling stops in mid-validation, where averaged weights may stand in for the trained ones and nothing can be saved;
    this lets a validation finish first.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[int, object] = {}

    def listen(self) -> None:
        """Take over the signals. Call when Lightning has installed its own handlers: the last one wins."""
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._note)
        self.received = self.received or termination.arrived()  # before training, where its exception may have been lost

    def let_go(self) -> None:
        """Give the signals back to whom they belonged."""
        while self._before:
            number, handler = self._before.popitem()
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.received = self.received or number


@contextlib.contextmanager
def ending_as_interrupted(stop: StopSignal) -> Iterator[None]:
    """Turn a requested stop into what the signal would have done to the command; enter it before Lightning installs its handlers.

    On leaving, the signals belong to the command again. Lightning's handlers would go on to talk to the other processes of a
    distributed run, which may have ended by then.

    Raises:
        KeyboardInterrupt: the run has stopped as asked; it can be resumed.
    """
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    asked = False
    try:
        yield
    except StopRequested:
        asked = True
    finally:
        stop.let_go()
        for number, handler in before.items():
            if handler is not None:  # None: installed by a program that embeds Python
                signal.signal(number, handler)
    if asked:
        if termination.arrived():
            raise Terminated
        handler = before[signal.Signals(stop.received or signal.SIGINT)]
        if stop.received != signal.SIGINT and callable(handler):
            handler(stop.received, None)  # type: ignore[call-arg, arg-type]  # the command's own way to end on this signal
        raise KeyboardInterrupt
