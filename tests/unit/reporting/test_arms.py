"""What an arm is, read from configurations alone."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from code_runs import make_code_run

from hrmlab.reporting.collect.gather import collect
from hrmlab.reporting.compare.arms import arm_options
from hrmlab.reporting.compare.failures import task_failures
from hrmlab.reporting.report import make_report
from hrmlab.reporting.tables.arms import alike, arms_table
from quick_figures import painted_figures
from run_factory import make_run


def arms_study(root: Path) -> None:
    for arm, model in {
        "hrm": {"name": "hrm", "role": "subject", "depth_high": 2, "gradient": "one_step", "width": None, "norm": "pre"},
        "hrm,gradient=full": {"name": "hrm", "role": "control", "depth_high": 2, "gradient": "full", "width": None, "norm": "pre"},
        "transformer": {"name": "transformer", "role": "baseline", "blocks": 4, "norm": "pre"},
    }.items():
        make_run(root, arm=arm, config={"model": {"_target_": "x", **model}, "role": None})


def test_an_ablation_is_defined_by_what_its_configuration_changes(tmp_path: Path) -> None:
    arms_study(tmp_path)
    study = collect(study="quick", output_root=tmp_path)
    found = arm_options(study)
    assert found["hrm gradient=full"].plain == "hrm"
    assert found["hrm gradient=full"].changes == {"model.gradient": (("one_step",), ("full",))}
    assert found["transformer"].plain is None
    rows = {row[0]: dict(zip(arms_table(study).columns, row, strict=True)) for row in arms_table(study).rows}
    assert rows["`hrm gradient=full`"]["What it is"] == "`hrm` with gradient full (not one_step)"
    assert rows["`hrm`"]["Depth high"] == "2"
    assert rows["`transformer`"]["Depth high"] == "–"
    assert rows["`transformer`"]["Blocks"] == "4"
    assert rows["`transformer`"]["Part"] == "baseline"
    assert "Width" not in arms_table(study).columns  # left open by every configuration
    assert "norm pre" in alike(study)


def test_rates_of_parts_are_told_as_what_they_are(tmp_path: Path) -> None:
    for arm, rates in (("hrm", {}), ("hrm,H=0.1", {"H": 0.1})):
        optimizer = {"name": "adamw", "learning_rate": 0.5, "learning_rates": rates}
        make_run(tmp_path, arm=arm, config={"model": {"_target_": "x", "name": "hrm"}, "optimizer": optimizer})
    study = collect(study="quick", output_root=tmp_path)
    rows = {row[0]: dict(zip(arms_table(study).columns, row, strict=True)) for row in arms_table(study).rows}
    assert [rows[arm]["Learning rates H"] for arm in ("`hrm`", "`hrm H=0.1`")] == ["–", "0.1"]
    assert "learning rates H 0.1" in rows["`hrm H=0.1`"]["What it is"]


def grid_study(root: Path, *, grid: list[int] | None) -> None:
    for arm, accuracy in (("hrm", 0.8), ("transformer", 0.4)):
        run = make_run(root, arm=arm, accuracy=accuracy, examples=40, data={"grid": grid} if grid else {})
        table = pq.read_table(run.predictions_file).to_pandas()
        table["input"] = [f"{index % 4 + 1}" + "." * 15 for index in range(40)]
        table["answer"] = "1234341221434321"
        table["prediction"] = ["1234341221434321" if right else "1" * 16 for right in table["exact"]]
        table.to_parquet(run.predictions_file)


@pytest.mark.slow
@pytest.mark.parametrize("grid", [[4, 4], None, [9, 9]])
@painted_figures()
def test_failures_are_drawn_where_the_task_is_a_grid_and_told_where_it_is_none(tmp_path: Path, grid: list[int] | None) -> None:
    grid_study(tmp_path, grid=grid)
    (found,) = task_failures(collect(study="quick", output_root=tmp_path))
    assert (found.arm, found.opponent, found.grid) == ("hrm", "transformer", (4, 4) if grid == [4, 4] else None)
    assert [failure.solved_by_us for failure in found.failures][-2:] == [True, True]
    for failure in found.failures:
        right, wrong = (failure.ours, failure.theirs) if failure.solved_by_us else (failure.theirs, failure.ours)
        assert right == failure.answer != wrong
    report = make_report(study="quick", output_root=tmp_path, reports_root=tmp_path / "reports")
    drawn = [picture.name for picture in report.pictures if picture.topic == "failures"]
    text = report.path.read_text()
    assert drawn == (["failures_0_sudoku_4x4.png"] if grid == [4, 4] else [])
    assert ("](figures/failures_0_sudoku_4x4.png)" in text) == bool(drawn)
    assert ("```text\n1111111111111111\n```" in text) != bool(drawn)


@pytest.mark.parametrize(("written", "shown"), [(False, True), (True, False)])
def test_texts_that_are_not_the_judged_answers_are_not_shown(tmp_path: Path, written: bool, shown: bool) -> None:
    """What was predicted under the true tokens illustrates a measure of that, and none of written answers."""
    for arm, share in (("hrm", 0.8), ("transformer", 0.2)):
        run = make_code_run(tmp_path, arm=arm, share=share)
        if not written:
            summary = json.loads((run.path / "summary.json").read_text())
            (run.path / "summary.json").write_text(json.dumps({**summary, "score": "exact_accuracy"}))
    report = make_report(study="code", output_root=tmp_path, reports_root=tmp_path / "reports")
    assert bool(task_failures(report.study)) == shown
    assert ("Where one arm fails" in report.path.read_text()) == shown


def test_no_column_about_halting_where_nothing_halts(tmp_path: Path) -> None:
    for arm in ("hrm", "transformer"):
        run = make_run(tmp_path, arm=arm)
        table = pq.read_table(run.predictions_file).to_pandas()
        table["segments"] = 1 if arm == "transformer" else 8
        table.to_parquet(run.predictions_file)
    report = make_report(study="quick", output_root=tmp_path, reports_root=tmp_path / "reports")
    measures = report.path.read_text().partition('id="further-measures"')[2].partition("</details>")[0]
    assert "alting" not in measures
    assert "halting" not in [picture.stem for picture in report.pictures]
