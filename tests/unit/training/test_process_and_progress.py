"""Threads that cannot be made are refused; progress is told in lines where there is no terminal."""

import pytest

from hrmlab.core.errors import UserError
from hrmlab.data import progress
from hrmlab.data.progress import progress_bar
from hrmlab.training.process import check_threads


def test_a_hundred_thousand_threads_are_refused() -> None:
    check_threads(2)
    with pytest.raises(UserError, match=r"trainer\.threads=100000 is far more than the \d+ cores of this machine; give at most"):
        check_threads(100_000)


def test_lines_come_now_and_then_and_only_where_asked_for(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    for shown in (True, False):
        with progress_bar("judging", 100, shown=shown, done=10) as advance:
            for _ in range(6):
                now[0] += progress.FIRST_LINE_SECONDS
                advance(1)
    assert capsys.readouterr().err == "judging: 11 of 100\njudging: 14 of 100\n"
