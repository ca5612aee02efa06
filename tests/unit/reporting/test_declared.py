"""What runs declare decides what is compared, how it is shown and which arms are in question; nothing is guessed from names."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hrmlab.core.measures import CELL_ACCURACY, Measure
from hrmlab.reporting.collect.gather import collect
from hrmlab.reporting.report import Report, make_report
from hrmlab.reporting.tables.main import main_table
from hrmlab.reporting.tables.measures import meanings, secondary_tables
from run_factory import make_run


def declaring(root: Path, *, arm: str, seed: int, measures: list[Measure], values: dict[str, np.ndarray], **words: str) -> None:
    """A run whose measures are these, each the mean of its outcomes; NaN rows do not count."""
    run = make_run(root, arm=arm, seed=seed, examples=len(next(iter(values.values()))))
    path = run.path / "summary.json"
    summary = json.loads(path.read_text())
    result = {"count": len(next(iter(values.values()))), "mean_segments": 2.0}
    summary |= {"test": result | {name: float(np.nanmean(column)) for name, column in values.items()}, "validation": {}}
    summary |= {"measures": [measure.to_dict() for measure in measures], "words": words}
    del summary["score"]
    path.write_text(json.dumps(summary))
    table = pd.read_parquet(run.predictions_file).drop(columns=["exact", "breaks_no_rule"])
    table.assign(**values).to_parquet(run.predictions_file)


def report_of(root: Path, baseline: str | None = None) -> Report:
    return make_report(study="quick", output_root=root, reports_root=root / "reports", baseline=baseline)


def test_three_measures_of_its_own_are_all_shown(tmp_path: Path) -> None:
    names = ("reached", "straight", "legal")
    measures = [Measure(name=name, wording=name, meaning=f"how many are {name}", counts=name == "straight", column=name) for name in names]
    for arm, share in (("hrm", 0.8), ("transformer", 0.3)):
        for seed in range(3):
            random = np.random.default_rng([seed, len(arm)])
            values = {name: random.random(300) < share for name in names}
            declaring(tmp_path, arm=arm, seed=seed, measures=measures, values=values, example="route")
    report = report_of(tmp_path)
    assert report.verdict.summary.startswith("**Not shown to be finished** (6 of 6 runs not shown to have converged). ")  # no curve
    assert report.verdict.summary.endswith("`hrm` is better than `transformer` on sudoku_4x4.")
    assert {item.score for item in report.comparisons} == {"straight"}
    assert len(report.comparisons[0].per_seed) == 3
    assert {"Reached", "Legal"} <= set(secondary_tables(report.study)[0][1].columns)
    assert "*Reached*: how many are reached." in report.path.read_text()


def test_a_measure_that_tasks_declare_with_another_part_is_explained_once(tmp_path: Path) -> None:
    for task, halting in (("sudoku_4x4", True), ("maze_10x10", False)):
        path = make_run(tmp_path, task=task).path / "summary.json"
        summary = json.loads(path.read_text())
        summary["measures"][-1]["halting"] = halting
        path.write_text(json.dumps(summary))
    said = meanings(collect(study="quick", output_root=tmp_path))
    assert [sentence for sentence in said if sentence.startswith("*Cell accuracy*")] == [f"*Cell accuracy*: {CELL_ACCURACY.meaning}."]


def test_a_smaller_number_can_be_the_better_one(tmp_path: Path) -> None:
    length = Measure(
        name="excess",
        wording="excess length",
        meaning="steps too many",
        unit="number",
        counts=True,
        column="excess",
        larger_is_better=False,
    )
    for arm, mean in (("hrm", 1.5), ("transformer", 4.0)):
        for seed in range(3):
            values = {"excess": np.random.default_rng([seed, len(arm)]).normal(mean, 0.5, 200)}
            declaring(tmp_path, arm=arm, seed=seed, measures=[length], values=values)
    report = report_of(tmp_path)
    (comparison,) = report.comparisons
    assert comparison.finding == "better"
    assert comparison.estimate is not None
    assert comparison.estimate.value == pytest.approx(-2.5, abs=0.1)
    assert comparison.estimate.basis == "seeds and examples"
    (sentence,) = report.verdict.details
    assert sentence.startswith("**sudoku_4x4**: `hrm` is better than `transformer` by 2.")
    assert "lower is better" in sentence
    top = report.path.read_text().split("## Further measures")[0]
    assert "points" not in top
    assert "%**" not in top
    assert "What counts here is *excess length* on the test split: steps too many; lower is better." in top


def test_votes_have_fewer_outcomes_than_rows(tmp_path: Path) -> None:
    votes = Measure(name="pass_at_2", wording="pass@2", meaning="the share of tasks solved in two attempts", counts=True, column="voted")
    for arm, share in (("hrm", 0.8), ("transformer", 0.2)):
        for seed in range(2):
            voted = np.full(240, np.nan)
            voted[::8] = np.random.default_rng([seed, len(arm)]).random(30) < share
            declaring(tmp_path, arm=arm, seed=seed, measures=[votes], values={"pass_at_2": voted, "voted": voted})
    report = report_of(tmp_path)
    (comparison,) = report.comparisons
    assert comparison.pairing == "examples"
    assert comparison.estimate is not None
    assert comparison.estimate.error is not None
    assert comparison.estimate.error > 0.05  # 30 outcomes, not 240
    assert set(comparison.per_seed) == {0, 1}
    assert "no share" not in report.path.read_text()


@pytest.mark.slow
def test_a_grid_of_configurations_loses_nothing(tmp_path: Path) -> None:
    for model in ("hrm", "transformer"):
        for rate in (0.0001, 0.0003, 0.001, 0.003):
            config = {"model": {"name": model}, "role": "subject" if model == "hrm" else "baseline" if rate == 0.001 else "control"}
            for seed in range(2):
                optimizer = {"optimizer": {"name": "adamw", "learning_rate": rate}}
                make_run(tmp_path, arm=f"{model},lr={rate}", seed=seed, config=config | optimizer)
    report = report_of(tmp_path)
    assert not report.study.listed
    assert report.study.left_out == ""
    assert len(main_table(report.study, report.comparisons).rows) == 8
    assert report.study.baseline == "transformer lr=0.001"
    assert report.study.subjects == tuple(f"hrm lr={rate}" for rate in (0.0001, 0.0003, 0.001, 0.003))
    effort = next(check for check in report.card if check.name == "Tuning effort")
    assert "configurations of each model in this study: hrm 4, transformer 4" in effort.detail


def test_a_superseded_configuration_is_told_and_counted_as_tuning(tmp_path: Path) -> None:
    for arm in ("hrm", "transformer"):
        make_run(tmp_path, arm=arm)
    run = make_run(tmp_path, config={"optimizer": {"name": "adamw", "learning_rate": 0.1}})
    (run.path / "COMPLETED").write_text("2025-01-01T00:00:00+00:00")
    report = report_of(tmp_path)
    found = {check.name: check for check in report.card}
    assert found["Unfinished runs"].status == "WARNING"
    assert "1 superseded" in found["Unfinished runs"].detail
    assert "hrm 2, transformer 1" in found["Tuning effort"].detail
    assert report.study.left_out.startswith("Left out: 1 of 3 launches, namely 1 completed run of another configuration")


def test_seeds_of_different_configurations_are_no_arm(tmp_path: Path) -> None:
    for seed in range(2):
        make_run(tmp_path, arm="transformer", seed=seed)
        make_run(tmp_path, seed=seed, config={"optimizer": {"name": "adamw", "learning_rate": 0.1 * (seed + 1)}})
    found = {check.name: check for check in report_of(tmp_path).card}
    assert found["One configuration per arm"].status == "WARNING"
    assert "hrm on sudoku_4x4 (optimizer.learning_rate 0.1/0.2)" in found["One configuration per arm"].detail


def test_roles_are_declared_and_can_be_overruled(tmp_path: Path) -> None:
    make_run(tmp_path, arm="ours", config={"role": "subject"})
    make_run(tmp_path, arm="b_plain", config={"role": "baseline"})
    make_run(tmp_path, arm="a_plain", config={"role": None, "model": {"name": "a", "role": "baseline"}})
    study = report_of(tmp_path).study
    assert (study.baseline, study.subjects, study.arms) == ("a_plain", ("ours",), ("ours", "a_plain", "b_plain"))
    roles = report_of(tmp_path).card[0]
    assert "a_plain and b_plain are declared baselines, of which the first by name is taken" in roles.detail
    assert collect(study="quick", output_root=tmp_path, baseline="b_plain").baseline == "b_plain"
    assert "baseline=b_plain" in report_of(tmp_path, "b_plain").path.read_text()


def test_names_alone_make_no_subject_and_no_baseline(tmp_path: Path) -> None:
    for arm in ("hrm", "transformer"):
        make_run(tmp_path, arm=arm, config={"role": None})
    report = report_of(tmp_path)
    assert report.comparisons == ()
    assert report.verdict.summary == "No verdict: no baseline is declared among `hrm` and `transformer`."
    assert "No arm of this study is declared its baseline" in report.path.read_text()


def test_the_card_says_how_many_examples_each_arm_drew(tmp_path: Path) -> None:
    for arm in ("hrm", "transformer"):
        make_run(tmp_path, arm=arm)
    order = next(check for check in report_of(tmp_path).card if check.name == "Same example order")
    assert "(hrm 36,571, transformer 128,000)" in order.detail


def test_solved_arguments_are_those_of_the_budget(tmp_path: Path) -> None:
    make_run(tmp_path, budget={"solved": {"width": 40, "layers": 3}})
    make_run(tmp_path, arm="transformer")
    text = report_of(tmp_path).path.read_text()
    assert "| width 40, layers 3 |" in text
    assert "| hidden size 96, num heads 3, mlp width 172 |" in text


@pytest.mark.slow
def test_the_page_can_be_mailed(tmp_path: Path) -> None:
    make_run(tmp_path)
    page = report_of(tmp_path).path.with_name("report.html").read_text()
    links = [part.split('"')[0] for part in page.split('href="')[1:]]
    assert all(link.startswith(("#", "data:", "https://")) for link in links)
    assert "<code>results.csv</code>" in page
