"""Signals as requests to stop between two steps, also one that came too early to be heard by training."""

import ctypes
import os
import signal
from collections.abc import Iterator

import pytest

from hrmlab.core import termination
from hrmlab.core.errors import Terminated
from hrmlab.training.interruption import StopRequested, StopSignal, ending_as_interrupted

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


@pytest.fixture(autouse=True)
def _as_in_a_command() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    termination.listen()
    yield
    termination.listen()  # forgets what arrived
    for number, handler in before.items():
        signal.signal(number, handler)


def send_while_compiled_code_calls_back() -> None:
    ctypes.CFUNCTYPE(None)(lambda: os.kill(os.getpid(), signal.SIGTERM))()


def train(stop: StopSignal, *signals: signal.Signals) -> None:
    """Training that is sent signals and stops between two steps."""
    with ending_as_interrupted(stop):
        stop.listen()
        for number in signals:
            os.kill(os.getpid(), number)
        assert stop.received is not None
        raise StopRequested


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_signal_whose_exception_was_lost_stops_training_at_its_first_step() -> None:
    send_while_compiled_code_calls_back()  # raises nothing here: Python prints it
    assert termination.arrived() == signal.SIGTERM
    with pytest.raises(Terminated):
        train(StopSignal())
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN, "a second one finds us ending already"


def test_a_signal_in_training_ends_the_command_as_the_signal_would() -> None:
    stop = StopSignal()
    with pytest.raises(Terminated):
        train(stop, signal.SIGUSR1)
    assert stop.received == signal.SIGUSR1


def test_ctrl_c_twice_stops_at_once() -> None:
    stop = StopSignal()
    with pytest.raises(KeyboardInterrupt):
        train(stop, signal.SIGINT, signal.SIGINT)
    assert stop.received == signal.SIGINT
