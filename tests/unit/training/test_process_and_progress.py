"""Progress is told in lines where there is no terminal."""

import re
from collections.abc import Callable

import pytest

from hrmlab.core import progress
from hrmlab.core.progress import progress_bar
from hrmlab.runs.directory import RunDirectory


def test_lines_come_now_and_then_and_only_where_asked_for(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    for shown in (True, False):
        with progress_bar("judging", 100, shown=shown, done=10) as advance:
            for _ in range(6):
                now[0] += progress.FIRST_LINE_SECONDS
                advance(1)
    assert capsys.readouterr().err == "judging: 11 of 100, about 14 min 50 s left\njudging: 14 of 100, about 14 min 20 s left\n"


def test_training_without_a_terminal_says_where_it_is(
    train_run: Callable[..., RunDirectory], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("hrmlab.training.callbacks.progress.LINE_SECONDS", 0.0)
    words = ("model=transformer", "training.steps=6", "training.log_every_steps=2")
    run = train_run(*words, "trainer.progress_bar=true")
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("training: ")]
    summary = run.read_json("summary.json")
    assert summary is not None
    assert lines.pop(0) == f"training: 6 steps, {summary['training']['flops']:.2e} floating-point operations"
    assert [line.split(", ")[0] for line in lines] == ["training: step 2 of 6", "training: step 4 of 6"]
    assert all(re.search(r", about \d+\.\d s left$", line) for line in lines)
    losses = [row.split(",")[3] for row in run.metrics_file.read_text().splitlines() if ",train/loss," in row]
    assert [line.split(", ")[1] for line in lines] == [f"loss {float(loss):.4g}" for loss in losses[:2]]
    train_run(*words, "trainer.progress_bar=false")
    assert "training: " not in capsys.readouterr().err
