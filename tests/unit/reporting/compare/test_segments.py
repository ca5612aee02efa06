"""Accuracy by segment, up to the cap of training and beyond."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from code_runs import make_code_run

from hrmlab.reporting.collect.gather import collect
from hrmlab.reporting.collect.series import read_predictions
from hrmlab.reporting.compare.scores import on_test
from hrmlab.reporting.compare.segments import by_segment
from hrmlab.reporting.report import Report, make_report
from hrmlab.reporting.tables.segments import segment_table
from run_factory import make_run


def test_means_per_segment_over_examples_and_seeds(report: Report) -> None:
    task = report.study.tasks[1]
    found = by_segment(task)
    assert set(found) == {"hrm", "deep_supervision_transformer"}  # one segment is no curve
    curve = found["hrm"]
    assert (curve.cap, len(curve.estimates)) == (8, 16)
    tables = [pd.read_parquet(report.study.output_root / run.name / "predictions.parquet") for run in task.runs("hrm")]
    expected = np.mean([np.stack(table["exact_by_segment"].tolist()).mean(axis=0) for table in tables], axis=0)
    np.testing.assert_allclose([estimate.value for estimate in curve.estimates], expected)
    assert curve.estimates[7].value == pytest.approx(np.mean([run.test("exact_accuracy") or 0.0 for run in task.runs("hrm")]))
    assert all(estimate.low is not None for estimate in curve.estimates)


def test_at_the_cap_stands_the_interval_that_every_table_has(report: Report) -> None:
    for task in report.study.tasks:
        for arm, curve in by_segment(task).items():
            assert curve.estimates[curve.cap - 1] == on_test(task.runs(arm), task.measure)


def test_text_and_figure_name_the_measure_as_the_task_declares_it(tmp_path: Path) -> None:
    for seed in range(2):
        make_code_run(tmp_path, seed=seed)
    report = make_report(study="code", output_root=tmp_path, reports_root=tmp_path / "reports")
    section = report.path.read_text().partition('id="accuracy-by-segments-at-inference"')[2].partition("</details>")[0]
    assert section.count("Exact accuracy under given tokens on the test split when every example is stopped") == 2
    assert "shaded the 95 % interval for new seeds and new examples" in section
    assert "t interval" not in section


def test_the_table_marks_the_cap(report: Report) -> None:
    table = segment_table(report.study.tasks[1])
    assert table is not None
    assert table.columns == ("Arm", "Trained with", "1 segment", "2 segments", "4 segments", "8 segments", "16 segments")
    assert [cell.startswith("**") for cell in table.rows[0][2:]] == [False, False, False, True, False]


def test_arms_with_one_segment_have_no_table(tmp_path: Path) -> None:
    make_run(tmp_path, arm="transformer")
    (task,) = collect(study="quick", output_root=tmp_path).tasks
    assert segment_table(task) is None


@pytest.mark.parametrize("column", [[[True], [True, False]], [["a"], ["b"]], [1, 2]])
def test_a_column_that_holds_something_else_is_left_out_and_named(tmp_path: Path, column: list) -> None:
    path, problems = tmp_path / "predictions.parquet", []
    pd.DataFrame({"index": [0, 1], "input": ["a", "b"], "exact": [True, False], "exact_by_segment": column}).to_parquet(path)
    found = read_predictions(path, ["exact"], problems)
    assert found is not None
    assert found.exact_by_segment is None
    assert found.columns["exact"].tolist() == [1.0, 0.0]
    assert len(problems) == 1
    assert "exact_by_segment" in problems[0]


def test_rows_without_a_list_do_not_count(tmp_path: Path) -> None:
    path, problems = tmp_path / "predictions.parquet", []
    column = [[True, True], None, [False, True]]
    pd.DataFrame({"index": [0, 1, 2], "input": ["a", "b", "c"], "exact_by_segment": column}).to_parquet(path)
    found = read_predictions(path, [], problems)
    assert found is not None
    assert found.exact_by_segment is not None
    np.testing.assert_array_equal(found.exact_by_segment, [[1, 1], [np.nan, np.nan], [0, 1]])
    assert problems == []
