"""A run directory is not trusted: what contradicts itself does not count, stands at the top with its reason, and ends nothing."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hrmlab.core.errors import UserError
from hrmlab.reporting.collect.gather import collect
from hrmlab.reporting.report import Report, make_report
from hrmlab.runs.directory import RunDirectory
from run_factory import make_run


def written(root: Path) -> Report:
    return make_report(study="quick", output_root=root, reports_root=root / "reports")


def damaged(root: Path) -> RunDirectory:
    """One run of a study of two arms with two seeds."""
    make_run(root)
    make_run(root, arm="transformer")
    make_run(root, arm="transformer", seed=1)
    return make_run(root, seed=1)


def edit(run: RunDirectory, change: dict[str, Any]) -> None:
    path = run.path / "summary.json"
    summary = json.loads(path.read_text())
    summary["test"] |= change
    path.write_text(json.dumps(summary))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"exact_accuracy": 7}, "test exact accuracy 7, which is no share between 0 and 1"),
        ({"exact_accuracy": -0.2}, "no share between 0 and 1"),
        ({"exact_accuracy": 0.123}, "says test exact accuracy 0.123, and the mean over the 400 rows"),
        ({"exact_accuracy": float("nan")}, "holds no test exact_accuracy"),
        ({"exact_accuracy": "0.5"}, "no share between 0 and 1"),
    ],
)
def test_a_score_that_cannot_be_makes_a_run_not_count(tmp_path: Path, change: dict, words: str) -> None:
    edit(damaged(tmp_path), change)
    report = written(tmp_path)
    (listed,) = report.study.listed
    assert words in listed.reason
    assert len(report.study.runs) == 3
    first = report.path.read_text().split("\n\n")[1]
    assert first.startswith("**Left out: 1 of 4 launches, namely 1 run ")


def test_another_measure_that_is_contradicted_is_left_out_alone(tmp_path: Path) -> None:
    edit(damaged(tmp_path), {"breaks_no_rule": 0.01, "cell_accuracy": 12.0, "mean_segments": [1], "by_rating": "none"})
    report = written(tmp_path)
    assert not report.study.listed
    run = report.study.tasks[0].arms["hrm"][1]
    assert run.test("breaks_no_rule") is None
    assert run.test("cell_accuracy") is None
    records = next(check for check in report.card if check.name == "Complete records")
    assert "disagree on breaks no rule" in records.detail
    assert "1200" not in report.path.read_text()


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "COMPLETED is empty"), (b"\xff\xfe\x00", "COMPLETED is no text"), (b"soon", "COMPLETED does not hold the time")],
)
def test_a_mark_that_holds_no_time_proves_nothing(tmp_path: Path, content: bytes, words: str) -> None:
    run = damaged(tmp_path)
    (run.path / "COMPLETED").write_bytes(content)
    (listed,) = written(tmp_path).study.listed
    assert listed.state == "not verified"
    assert words in listed.reason


def test_a_mark_without_a_summary_is_listed(tmp_path: Path) -> None:
    (damaged(tmp_path).path / "summary.json").unlink()
    (listed,) = written(tmp_path).study.listed
    assert "COMPLETED stands without summary.json" in listed.reason


def test_records_that_are_not_those_completed_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = damaged(tmp_path)
    monkeypatch.setattr(
        RunDirectory, "verify", lambda self: ["budget.json was changed after completion"] * (self.path == run.path), raising=False
    )
    (listed,) = collect(study="quick", output_root=tmp_path).listed
    assert (listed.state, listed.reason) == ("not verified", "budget.json was changed after completion")


def test_junk_lines_of_metrics_are_left_out_alone(tmp_path: Path) -> None:
    run = damaged(tmp_path)
    whole = collect(study="quick", output_root=tmp_path).tasks[0].arms["hrm"][1].curves
    with run.metrics_file.open("ab") as file:
        file.write(b"junk\n\xff\xfe,,\nstep,1,val/exact_accuracy,0.5\n7,1,val/exact_accuracy,\xff0.5\n7,1,val/exact_accuracy,high\n")
    record = collect(study="quick", output_root=tmp_path).tasks[0].arms["hrm"][1]
    assert record.problems == ("metrics.csv holds 5 lines that are no measurement and were left out",)
    np.testing.assert_array_equal(record.curves["val/exact_accuracy"].values, whole["val/exact_accuracy"].values)


@pytest.mark.parametrize("name", ["summary.json", "budget.json", "data.json", "provenance.json", "audit.json"])
@pytest.mark.parametrize(
    "value", ["[]", "3", '{"test": [], "splits": 3, "packages": [], "gap": "x", "causality": 1, "solved": 2}', "\\u00ff"]
)
def test_no_json_ends_a_report_in_a_traceback(tmp_path: Path, name: str, value: str) -> None:
    (damaged(tmp_path).path / name).write_text(value)
    assert len(written(tmp_path).study.runs) == (3 if name == "summary.json" else 4)


def test_predictions_without_numbers_are_no_outcomes(tmp_path: Path) -> None:
    run = damaged(tmp_path)
    pd.read_parquet(run.predictions_file).assign(exact="yes").to_parquet(run.predictions_file)
    comparison = written(tmp_path).comparisons[0]
    assert comparison.unpaired == "seed 1 of `hrm` lacks the outcomes of single puzzles"


def test_a_foreign_folder_is_no_study(tmp_path: Path) -> None:
    (tmp_path / "other" / "a" / "b" / "c" / "seed=0" / "d").mkdir(parents=True)
    with pytest.raises(UserError, match="holds no run directory that can be read"):
        make_report(study="other", output_root=tmp_path, reports_root=tmp_path / "reports")
