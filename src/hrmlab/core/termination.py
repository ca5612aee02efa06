"""SIGTERM and SIGUSR1 (what Slurm sends before a time limit) as an exception that is not forgotten.

Python prints and drops an exception raised while compiled code calls back into Python (ctypes, the linker of Numba): the signal would be
lost, and what the compiled code then lacks would look like an error of its own. So the arrival is remembered, for those who have to know.
"""

import signal
from types import FrameType
from typing import NoReturn

from hrmlab.core.errors import Terminated

_SIGNALS = (signal.SIGTERM, signal.SIGUSR1)
_arrived: list[int] = []


def listen() -> None:
    """Raise :class:`Terminated` in the main thread when one of the signals arrives, once."""
    _arrived.clear()
    for number in _SIGNALS:
        signal.signal(number, terminate)


def terminate(number: int, frame: FrameType | None) -> NoReturn:
    """The handler. A second signal (timeout, docker and systemd may send two) finds us ending already.

    Raises:
        Terminated: always.
    """
    _arrived.append(number)
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise Terminated


def arrived() -> int | None:
    """The signal that has arrived, whatever became of its exception; None where none has."""
    return _arrived[0] if _arrived else None
