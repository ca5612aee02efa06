"""Numbers as text, the fairness card's checks one by one, comparisons and figures."""

import json
from pathlib import Path

import numpy as np
import pytest

from hrmlab.reporting import text
from hrmlab.reporting.card.fairness import fairness_card
from hrmlab.reporting.collect.gather import collect
from hrmlab.reporting.compare.comparisons import compare
from hrmlab.reporting.compare.ratings import rating_bins
from hrmlab.reporting.figures.curves import learning_curves
from hrmlab.reporting.page.render import _inline
from hrmlab.reporting.report import Report, make_report
from hrmlab.reporting.tables.costs import budget_table, cost_table
from hrmlab.reporting.tables.main import main_table
from hrmlab.reporting.tables.measures import secondary_tables, shown_measures
from hrmlab.statistics.correction import holm
from run_factory import make_run


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (text.percent(0.873), "87.3 %"),
        (text.percent(1.0), "100.0 %"),
        (text.percent(0.99999), "99.999 %"),
        (text.percent(0.0001), "0.010 %"),
        (text.percent(0.0), "0.0 %"),
        (text.percent(None), "n/a"),
        (text.level_with_error(0.998, 0.002, "share"), "99.8 ± 0.2 %"),
        (text.level_with_error(0.9995, 0.00052, "share"), "99.950 ± 0.052 %"),
        (text.level_with_error(0.535, 0.0003, "share"), "53.5 ± 0.03 %"),
        (text.points(-0.0123), "−1.2"),
        (text.points(0.2), "+20.0"),
        (text.points(-0.0001), "0.0"),
        (text.points_interval(-0.01, 0.2), "[−1.0, +20.0]"),
        (text.points_interval(0.0001, 0.0004), "[+0.01, +0.04]"),
        (text.points_interval(None, 0.2), "n/a"),
        (text.quantity(3.4e12, "FLOPs"), "3.40 TFLOPs"),
        (text.quantity(999_999, "FLOPs"), "1.00 MFLOPs"),
        (text.quantity(16e6), "16.0 M"),
        (text.quantity(42), "42"),
        (text.quantity(0.5), "0.50"),
        (text.quantity(None), "n/a"),
        (text.p_statement(0.0002), "p < 0.001"),
        (text.p_statement(0.0312), "p = 0.031"),
        (text.p_value(0.5), "0.50"),
        (text.duration(75), "75 s"),
        (text.duration(600), "10.0 min"),
        (text.duration(90_000), "25.0 h"),
        (text.memory(3.1e8), "296 MiB"),
        (text.memory(3 * 2**30), "3.00 GiB"),
        (text.listing(["a", "b", "c"]), "a, b and c"),
        (text.plural(1, "seed"), "1 seed"),
    ],
)
def test_numbers_as_text(made: str, expected: str) -> None:
    assert made == expected


def test_inline_markdown_is_escaped_in_html() -> None:
    assert _inline("**a** `x<y` *b* <script> [t](#u)<br>") == (
        '<strong>a</strong> <code>x&lt;y</code> <em>b</em> &lt;script&gt; <a href="#u">t</a><br>'
    )


def statuses(root: Path) -> dict[str, tuple[str, str]]:
    return {check.name: (check.status, check.detail) for check in fairness_card(collect(study="quick", output_root=root))}


def pair(root: Path, **second: object) -> None:
    """Two arms, two seeds; the second arm's runs differ by the given keywords."""
    for seed in range(2):
        make_run(root, arm="hrm", seed=seed)
        make_run(root, arm="transformer", seed=seed, **second)  # type: ignore[arg-type]


def test_a_fair_pair_has_no_warning(tmp_path: Path) -> None:
    pair(tmp_path)
    found = statuses(tmp_path)
    assert {name for name, (status, _) in found.items() if status == "WARNING"} == set()
    assert found["Causality"][0] == "NOT APPLICABLE"
    assert "4x4: equal up to digit relabelling" in found["What counts as the same puzzle"][1]
    assert found["Equal steps and batch"] == ("OK", "batch_size 64, steps 2000")


@pytest.mark.parametrize(
    ("second", "check", "words"),
    [
        ({"budget": {"gap": 0.03}}, "Equal budget", "transformer on sudoku_4x4 +3.00 %"),
        ({"budget": {"gap": None}}, "Equal budget", "did not record"),
        (
            {"data": {"splits": {name: {"content_hash": "x"} for name in ("train", "validation", "test")}}},
            "Same data",
            "not see the same splits",
        ),
        ({"data": {"splits": {}}}, "Same data", "did not record"),
        ({"data": {"order_hash": "other"}}, "Same example order", "different orders"),
        ({"data": {"overlap": {"train_test_classes": 4}}}, "No split overlap", "train/test classes 4"),
        ({"data": {"overlap": {}}}, "No split overlap", "did not record"),
        ({"data": {"attention": "causal"}}, "Causality", "not measured"),
        ({"config": {"training": {"steps": 3000, "batch_size": 64}}}, "Equal steps and batch", "training.steps on sudoku_4x4 (2000, 3000)"),
        ({"config": {"training": {"steps": 3000, "batch_size": 64}}}, "Steps carried out", "made 2000 of 3000"),
        ({"config": {"training": {"steps": 2000, "batch_size": 64, "precision": "bf16"}}}, "Equal training settings", "training.precision"),
    ],
)
def test_each_unfairness_is_a_warning(tmp_path: Path, second: dict, check: str, words: str) -> None:
    pair(tmp_path, **second)
    status, detail = statuses(tmp_path)[check]
    assert status == "WARNING"
    assert words in detail


def test_optimizer_settings_that_differ_are_stated(tmp_path: Path) -> None:
    pair(tmp_path, config={"optimizer": {"name": "adamw", "learning_rate": 0.003, "weight_decay": 0.1}})
    status, detail = statuses(tmp_path)["Tuning effort"]
    assert status == "STATED"
    assert "hrm 0.001, transformer 0.003" in detail


def test_comparisons_are_corrected_together_and_reproducible(report: Report) -> None:
    asked = [comparison for comparison in report.comparisons if comparison.asked]
    assert [comparison.corrected for comparison in asked] == holm([comparison.p_value for comparison in asked])
    assert all(comparison.corrected is None for comparison in report.comparisons if not comparison.asked)
    for comparison in report.comparisons:
        assert comparison.estimate is not None
        assert comparison.levels is not None
        assert comparison.estimate.value == pytest.approx(comparison.levels[0] - comparison.levels[1])
        assert comparison.pairing.endswith("examples")
    assert compare(report.study) == report.comparisons


def test_other_test_examples_cannot_be_paired(tmp_path: Path) -> None:
    pair(tmp_path, examples=300)
    comparison, *_ = compare(collect(study="quick", output_root=tmp_path))
    assert comparison.unpaired == "the two arms were tested on different examples"
    assert comparison.pairing == "nothing"


def test_tables_say_what_they_count(report: Report) -> None:
    main = main_table(report.study, report.comparisons)
    assert main.columns == ("Arm", "maze_10x10", "sudoku_4x4")
    assert [row[0] for row in main.rows] == ["`hrm`", "`transformer` (baseline)", "`deep_supervision_transformer`"]
    assert "2 seeds" in main.rows[2][1]
    assert [[measure.name for measure in shown_measures(task)] for task in report.study.tasks] == [
        ["exact_accuracy", "valid_shortest_path", "cell_accuracy"],
        ["exact_accuracy", "breaks_no_rule", "cell_accuracy"],
    ]
    label, secondary = secondary_tables(report.study)[0]
    assert label == "maze_10x10"
    assert "Cell accuracy" in secondary.columns
    assert "Accuracy" not in secondary.columns
    assert len(budget_table(report.study).rows) == len(cost_table(report.study).rows) == 6


def test_what_guessing_reaches_is_shown_of_runs_without_trivial_solvers(tmp_path: Path) -> None:
    for arm in ("hrm", "transformer"):
        make_run(tmp_path, arm=arm, data={"chance": {"exact_accuracy": 0.004}})
    assert "| trivial baseline | 0.4 % |" in make_report(study="quick", output_root=tmp_path, reports_root=tmp_path / "r").path.read_text()


def test_learning_curves_average_over_common_steps(report: Report) -> None:
    curves = learning_curves(report.study.tasks[1], "val/exact_accuracy")["hrm"]
    assert len(curves.seeds) == 3
    np.testing.assert_allclose(curves.mean.values, np.mean([seed.values for seed in curves.seeds], axis=0))
    assert set(curves.mean.x) == {"steps", "examples", "flops", "time"}
    assert (curves.lowest <= curves.mean.values).all()


def test_a_single_quantile_is_the_whole_split_and_is_not_shown(tmp_path: Path) -> None:
    for arm in ("hrm", "transformer"):
        run = make_run(tmp_path, arm=arm)
        summary = run.read_json("summary.json") or {}
        summary["test"]["by_rating"] = summary["test"]["by_rating"][:1]
        (run.path / "summary.json").write_text(json.dumps(summary))
    study = collect(study="quick", output_root=tmp_path)
    assert rating_bins(study.tasks[0]) == ([], {})
    page = make_report(study="quick", output_root=tmp_path, reports_root=tmp_path / "r").path.read_text()
    assert "difficulty" not in page


def test_a_task_that_asks_twice_computes_once(tmp_path: Path) -> None:
    for seed in range(2):
        make_run(tmp_path, seed=seed, examples=10, rows=2)
    (task,) = collect(study="quick", output_root=tmp_path).tasks
    assert rating_bins(task) is rating_bins(task)
    assert task.once("own", lambda: [1]) is task.once("own", lambda: [2])
