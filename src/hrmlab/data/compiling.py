"""Says once that solvers and generators are being compiled: a person at a fresh installation would take the minute for a hang."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numba.core import event

from hrmlab.core.notices import notice


class _Announcer(event.Listener):
    """Speaks at the first compilation; what is read from numba's cache on disk makes no event."""

    def __init__(self) -> None:
        self.said = False

    def on_start(self, event: Any) -> None:
        if not self.said:
            self.said = True
            notice("compiling the puzzle generators and solvers for this machine; once per installation, a minute or two")

    def on_end(self, event: Any) -> None:
        """Nothing: the next line on the terminal says that work goes on."""


@contextmanager
def announced() -> Iterator[None]:
    """Announce compilations that happen inside."""
    with event.install_listener("numba:compile", _Announcer()):
        yield
