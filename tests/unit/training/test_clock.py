"""What training takes is added up over resumes, and the load of others is what this process did not do."""

import time

import pytest

from hrmlab.training.clock import Clock


def work(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_processor_time_is_this_process_and_wall_time_is_not() -> None:
    clock = Clock()
    work(0.1)
    time.sleep(0.1)
    assert 0.1 <= clock.cpu_seconds < clock.seconds
    assert clock.seconds >= 0.2
    assert clock.other_load is not None
    assert 0 <= clock.other_load <= 1


def test_a_resumed_clock_goes_on() -> None:
    first = Clock()
    work(0.1)
    state = first.state_dict()
    second = Clock()
    second.load_state_dict(state)
    assert second.cpu_seconds >= state["cpu_seconds"] >= 0.1
    old = Clock()
    old.load_state_dict({"seconds": 5.0, "ranks": []})
    assert old.seconds == pytest.approx(5.0, abs=1.0)


def test_a_load_of_others_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = iter([0.0, 0.0, 100.0, 100.0])
    monkeypatch.setattr("hrmlab.training.clock._busy_seconds", lambda: next(busy))
    monkeypatch.setattr("hrmlab.training.clock.psutil.cpu_count", lambda: 4)
    clock = Clock()
    clock.load_state_dict({"seconds": 50.0, "cpu_seconds": 20.0, "busy_seconds": 0.0})
    assert clock.other_load == pytest.approx((100 - 20) / (50 * 4), rel=0.05)
