"""Which launch counts, and what a study says of itself, does not depend on the clocks of the machines that its runs ended on."""

import json
from pathlib import Path

import pytest

from hrmlab.reporting.collect.gather import collect
from hrmlab.runs import mark
from hrmlab.runs.directory import RunDirectory
from run_factory import make_run


def complete_again(run: RunDirectory, time: str) -> None:
    """Mark the run as this version does, by a clock that says ``time``."""
    (run.path / "COMPLETED").unlink()
    mark.write_mark(run.path)
    content = json.loads((run.path / "COMPLETED").read_text())
    (run.path / "COMPLETED").write_text(json.dumps({**content, "time": time}))


def test_the_launch_completed_last_counts_though_its_clock_is_years_behind(tmp_path: Path) -> None:
    first, second = make_run(tmp_path), make_run(tmp_path, config={"extra": 1})
    complete_again(first, "2031-01-01T00:00:00+00:00")
    complete_again(second, "2001-01-01T00:00:00+00:00")
    study = collect(study="quick", output_root=tmp_path)
    assert [run.hash for run in study.runs] == [second.hash]
    assert [(item.state, item.configuration) for item in study.listed] == [("superseded", first.hash)]
    complete_again(first, "1999-01-01T00:00:00+00:00")
    assert [run.hash for run in collect(study="quick", output_root=tmp_path).runs] == [first.hash]


def test_marks_without_an_order_come_first_and_by_their_time(tmp_path: Path) -> None:
    old, older, new = (make_run(tmp_path, config={"extra": number}) for number in range(3))
    (old.path / "COMPLETED").write_text("2026-03-01T00:00:00+00:00\n")
    (older.path / "COMPLETED").write_text("2026-02-01T00:00:00+00:00\n")
    complete_again(new, "2001-01-01T00:00:00+00:00")
    assert older.completion < old.completion < new.completion
    assert [run.hash for run in collect(study="quick", output_root=tmp_path).runs] == [new.hash]


@pytest.mark.parametrize("order", ["x", [1], None])
def test_an_order_that_is_none_is_no_mark(order: object, tmp_path: Path) -> None:
    run = make_run(tmp_path)
    (run.path / "COMPLETED").write_text(json.dumps({"time": "2026-03-01T00:00:00+00:00", "order": order, "files": {}}))
    assert "does not hold the time" in run.doubt


def test_a_study_asks_what_most_of_its_runs_say_it_asks(tmp_path: Path) -> None:
    for seed, question in enumerate(("Old?", "New?", "New?")):
        run = make_run(tmp_path, seed=seed, config={"question": question})
        complete_again(run, f"20{30 - seed}-01-01T00:00:00+00:00")
    assert collect(study="quick", output_root=tmp_path).question == "New?"
