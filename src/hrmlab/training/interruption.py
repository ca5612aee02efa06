"""Ctrl-C and SIGTERM as requests to save and stop, not as axes."""

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType

from lightning.pytorch.utilities.exceptions import SIGTERMException


@contextlib.contextmanager
def stop_between_steps() -> Iterator[None]:
    """Inside, the first SIGINT or SIGTERM lets the current step finish and a checkpoint be written.

    Lightning does that for SIGTERM when nobody else handles the signal; Ctrl-C is passed on as one. A second Ctrl-C stops at once.

    Raises:
        KeyboardInterrupt: the run was asked to stop and has stopped.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    asked: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, pass_on)
    try:
        yield
    except SIGTERMException:
        handler = before[signal.SIGTERM]
        if not asked and callable(handler):
            handler(signal.SIGTERM, None)  # the command's own way to end on SIGTERM
        raise KeyboardInterrupt from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
