"""Equal what: where arms are read on each axis, what is refused, and whether a finding keeps its sign."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hrmlab.core.measures import EXACT_ACCURACY
from hrmlab.reporting.collect.gather import collect
from hrmlab.reporting.compare.axes import AcrossAxes, AtEqual, across_axes
from hrmlab.reporting.compare.comparisons import compare
from hrmlab.reporting.compare.progress import AXES, Axis, SeedCurve
from hrmlab.reporting.report import Report
from hrmlab.reporting.tables.axes import MARKED, axes_notes, axes_table
from hrmlab.statistics.intervals import Estimate
from run_factory import make_run


def reading(axis: Axis, low: float, high: float, *, caution: str = "") -> AtEqual:
    difference = Estimate(value=(low + high) / 2, low=low, high=high, count=3)
    return AtEqual(axis=axis, kind=axis, x=1.0, levels=(0.5, 0.5), through=(1.0, 1.0), difference=difference, caution=caution)


def across(*readings: AtEqual, measure: Any = EXACT_ACCURACY) -> AcrossAxes:
    return AcrossAxes(task="maze", arm="hrm", opponent="transformer", measure=measure, readings=readings)


@pytest.mark.parametrize(
    ("ends", "agreement"),
    [
        ([(0.1, 0.2), (0.1, 0.3), (0.1, 0.2), (0.2, 0.3)], "keeps its sign"),
        ([(0.1, 0.2), (0.1, 0.3), (-0.1, 0.2), (-0.1, 0.3)], "keeps its sign"),
        ([(0.1, 0.2), (0.1, 0.3), (-0.3, 0.1), (0.1, 0.3)], "undecided"),
        ([(0.1, 0.2), (-0.1, 0.3), (-0.1, 0.3), (-0.1, 0.3)], "undecided"),
        ([(-0.1, 0.2)] * 4, "undecided"),
        ([(0.1, 0.2), (-0.3, -0.2), (-0.1, 0.2), (-0.1, 0.2)], "flips"),
    ],
)
def test_agreement(ends: list[tuple[float, float]], agreement: str) -> None:
    assert across(*(reading(axis, *pair) for axis, pair in zip(AXES, ends, strict=True))).agreement == agreement


def test_an_axis_that_is_not_to_be_relied_on_decides_nothing() -> None:
    readings = [reading(axis, 0.1, 0.2) for axis in AXES[:3]]
    assert across(*readings, reading("time", -0.2, -0.1)).agreement == "flips"
    assert across(*readings, reading("time", -0.2, -0.1, caution="others were at work")).agreement == "keeps its sign"


def test_better_is_what_the_measure_calls_better() -> None:
    error = EXACT_ACCURACY.__class__(name="error", wording="error", meaning="an error", unit="number", larger_is_better=False)
    assert across(*(reading(axis, 0.1, 0.2) for axis in AXES)).statement.startswith("keeps its sign: better at equal steps")
    assert across(*(reading(axis, 0.1, 0.2) for axis in AXES), measure=error).statement.startswith("keeps its sign: worse at equal steps")


@pytest.mark.slow
def test_arms_are_read_at_the_smallest_total_of_any_run(report: Report) -> None:
    (found,) = [item for item in report.across if (item.task, item.arm, item.opponent) == ("sudoku_4x4", "hrm", "transformer")]
    (task,) = [task for task in report.study.tasks if task.label == "sudoku_4x4"]
    by_axis = {item.axis: item for item in found.readings}
    assert set(by_axis) == set(AXES)
    assert by_axis["steps"].x == 2000
    drawn = [run.training("examples_drawn") or 0.0 for run in (*task.runs("hrm"), *task.runs("transformer"))]
    assert by_axis["examples"].x == pytest.approx(min(drawn), abs=1)
    assert by_axis["flops"].x == pytest.approx(task.runs("transformer")[0].training("flops"))
    assert by_axis["time"].kind == "processor time"
    assert by_axis["time"].caution == ""
    assert by_axis["examples"].through == pytest.approx((1.0, 64 / 3.5 / 64), abs=0.01)
    # Recomputed by hand: the transformer's curve at the examples that HRM drew in all.
    levels, place = [], by_axis["examples"].x or 0.0
    for run in task.runs("transformer"):
        curve = run.curves["val/exact_accuracy"]
        levels.append(np.interp(place, curve.steps * 64, np.maximum.accumulate(curve.values)))
    assert by_axis["examples"].levels is not None
    assert by_axis["examples"].levels[1] == pytest.approx(np.mean(levels))
    assert by_axis["examples"].difference is not None
    assert by_axis["examples"].difference.count == 3
    assert found.agreement == "keeps its sign"


@pytest.mark.parametrize("rule", ["best", "last"])
def test_a_curve_that_falls_is_read_at_what_the_run_kept(tmp_path: Path, rule: str) -> None:
    """HRM's curve ends far below its best; what meets the test split is the best, unless the last checkpoint is asked for."""
    for seed in range(3):
        for arm in ("hrm", "transformer"):
            run = make_run(tmp_path, arm=arm, seed=seed, accuracy=0.7)
            summary = run.read_json("summary.json") or {}
            (run.path / "summary.json").write_text(json.dumps({**summary, "checkpoint": {**summary["checkpoint"], "rule": rule}}))
            if arm == "hrm":
                metrics = pd.read_csv(run.metrics_file)
                late = (metrics["metric"] == "val/exact_accuracy") & (metrics["step"] > 1500)
                metrics.loc[late, "value"] = 0.25
                metrics.to_csv(run.metrics_file, index=False)
    study = collect(study="quick", output_root=tmp_path)
    (found,) = across_axes(study, compare(study))
    (steps,) = [item for item in found.readings if item.axis == "steps"]
    assert steps.levels is not None
    curves = [run.curves["val/exact_accuracy"].values for run in study.tasks[0].runs("hrm")]
    assert steps.levels[0] == pytest.approx(np.mean([values.max() if rule == "best" else values[-1] for values in curves]))
    assert (steps.levels[0] == pytest.approx(0.25)) == (rule == "last")
    said = axes_notes((found,))
    assert (
        said[0] == "Curves are read at their best validation until there: the checkpoint that had it meets the test split."
    ) == found.best
    assert found.best == (rule == "best")


def test_a_finding_that_turns_on_another_axis_flips(tmp_path: Path) -> None:
    for seed in range(3):
        make_run(tmp_path, arm="hrm", seed=seed, middle=0.75, accuracy=0.7)
        make_run(tmp_path, arm="transformer", seed=seed, accuracy=0.6)
    study = collect(study="quick", output_root=tmp_path)
    (found,) = across_axes(study, compare(study))
    assert found.agreement == "flips"
    assert "worse at equal FLOPs" in found.statement
    (row,) = axes_table((found,)).rows
    assert len(row) == 7
    assert row[3].split("<br>")[2:] == ["at\u00a036.6\u00a0k", "run\u00a0100\u00a0:\u00a029\u00a0%"]
    assert axes_notes((found,))[1:] == ["Time is processor time."]
    assert row[-1] == found.statement


@pytest.mark.parametrize(
    ("loads", "kind", "caution"),
    [
        ((0.01, 0.01), "processor time", ""),
        ((0.4, 0.4), "processor time", ""),
        ((None, 0.01), "wall time", "the load by other processes was not recorded"),
        ((None, 0.4), "wall time", "other processes kept up to 40 % of the cores busy"),
    ],
)
def test_time_is_processor_time_or_marked(tmp_path: Path, loads: tuple[float | None, float | None], kind: str, caution: str) -> None:
    for seed in range(2):
        make_run(tmp_path, arm="hrm", seed=seed, other_load=loads[0])
        make_run(tmp_path, arm="transformer", seed=seed, other_load=loads[1])
    study = collect(study="quick", output_root=tmp_path)
    (found,) = across_axes(study, compare(study))
    assert (found.readings[-1].kind, found.readings[-1].caution) == (kind, caution)
    assert (found.readings[-1] in found.relied_on) == (not caution)
    assert (MARKED in axes_table((found,)).rows[0][5]) == bool(caution)
    assert axes_notes((found,))[2:] == ([f"{MARKED}: decides nothing, because {caution}."] if caution else [])


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    for seed in range(2):
        make_run(tmp_path, arm="hrm", seed=seed)
        seldom = make_run(tmp_path, arm="transformer", seed=seed, rows=2)
        lines = seldom.metrics_file.read_text().splitlines()
        seldom.metrics_file.write_text("\n".join(line for line in lines if "examples_drawn" not in line) + "\n")
    study = collect(study="quick", output_root=tmp_path)
    (found,) = across_axes(study, compare(study))
    by_axis = {item.axis: item for item in found.readings}
    assert by_axis["examples"].reason == "examples not recorded for transformer"
    assert by_axis["steps"].difference is not None
    assert by_axis["time"].reason.startswith("transformer, seed 0: logged too seldom")
    assert axes_table((found,)).rows[0][3] == "examples not recorded for transformer"


def test_positions_that_are_unknown_or_stand_still_are_left_out() -> None:
    curve = SeedCurve(np.array([0.1, 0.2, 0.3, 0.4]), {"examples": np.array([5.0, np.nan, 5.0, 9.0])})
    x, y = curve.on("examples")
    assert x.tolist() == [5.0, 9.0]
    assert y.tolist() == [0.1, 0.4]
    assert len(curve.on("time")[0]) == 0
