"""Processor time and the load of a machine, over resumes."""

import time

import pytest

from hrmlab.training import clock as module
from hrmlab.training.clock import Clock, Spent


def test_the_load_of_others_is_what_the_run_itself_did_not_keep_busy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module.psutil, "cpu_count", lambda: 2)
    assert Spent(seconds=10.0, cpu_seconds=8.0, busy_seconds=18.0).other_load == 0.5
    assert Spent(seconds=10.0, cpu_seconds=8.0, busy_seconds=7.9).other_load == 0.0  # clocks of two resolutions
    assert Spent(seconds=10.0, cpu_seconds=8.0, busy_seconds=None).other_load is None
    assert Spent(seconds=10.0, cpu_seconds=None, busy_seconds=1.0).other_load is None
    assert Spent().other_load is None


def test_work_counts_and_sleep_does_not():
    clock = Clock()
    until = time.process_time() + 0.2
    while time.process_time() < until:
        pass
    worked = clock.spent()
    time.sleep(0.2)
    slept = clock.spent()
    assert worked.cpu_seconds is not None
    assert slept.cpu_seconds is not None
    assert 0.19 <= worked.cpu_seconds <= worked.seconds + 0.05
    assert slept.cpu_seconds - worked.cpu_seconds < 0.1
    assert slept.seconds - worked.seconds >= 0.19
    assert slept.other_load is None or 0 <= slept.other_load <= 1


def test_a_resumed_clock_goes_on_and_an_older_checkpoint_leaves_unknown_what_it_did_not_count(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module.psutil, "cpu_count", lambda: 2)
    before = Spent(seconds=100.0, cpu_seconds=80.0, busy_seconds=120.0)
    clock = Clock()
    clock.load_state_dict({"ranks": [], **Clock.state_dict(before)})
    clock.start()
    spent = clock.spent()
    assert spent.seconds == pytest.approx(100.0, abs=1.0)
    assert spent.cpu_seconds == pytest.approx(80.0, abs=1.0)
    assert spent.other_load == pytest.approx(0.2, abs=0.02)

    clock.load_state_dict({"seconds": 100.0})
    spent = clock.spent()
    assert spent.seconds >= 100.0
    assert (spent.cpu_seconds, spent.other_load) == (None, None)


def test_processes_add_up_and_other_machines_are_unknown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module.time, "process_time", iter([1.0, 3.0, 3.0, 3.0]).__next__)
    clock = Clock()  # process_time is read in its start
    assert clock.spent(over_processes=lambda value: 2 * value).cpu_seconds == 4.0
    assert clock.spent(whole_machine=False).other_load is None
    monkeypatch.setattr(module, "_busy_seconds", lambda: None)
    assert clock.spent().other_load is None
