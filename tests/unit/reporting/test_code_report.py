"""Reports of code studies: pass@1 counts, every test set and depth is shown with intervals, and what completions were made with."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from code_runs import make_code_run, make_code_study

from hrmlab.reporting.collect.gather import collect
from hrmlab.reporting.collect.study import Study
from hrmlab.reporting.compare import scores
from hrmlab.reporting.compare.comparisons import compare
from hrmlab.reporting.compare.depths import depth_estimates
from hrmlab.reporting.compare.finished import finished
from hrmlab.reporting.compare.progress import followed_measure
from hrmlab.reporting.figures.figures import _whole_counts
from hrmlab.reporting.figures.learning import drawn_measures
from hrmlab.reporting.report import Report, make_report
from hrmlab.reporting.tables.depths import depth_table
from hrmlab.reporting.tables.evaluation_sets import sampling_words, set_tables
from hrmlab.reporting.tables.measures import secondary_tables
from hrmlab.reporting.text import heading, level_interval, level_with_error
from quick_figures import painted_figures
from run_factory import make_run

OTHERS = ("test_deeper", "test_unseen_composition", "humaneval")


@pytest.fixture(scope="module")
@painted_figures()
def code_report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A study of code runs with HumanEval beside the task's own test sets."""
    root = tmp_path_factory.mktemp("code")
    make_code_study(root, others=OTHERS, ks=(1, 5), sampling={"stop": ["\ndef "]})
    return make_report(study="code", output_root=root, reports_root=root / "reports")


def collected(root: Path) -> Study:
    return collect(study="code", output_root=root)


@pytest.mark.slow
def test_the_sections_of_a_code_report(code_report: Report) -> None:
    text = code_report.path.read_text()
    opening = "# Study `code`: pass@1 at equal size\n\nAt equal steps, `hrm` is better than `transformer` on synthetic_code."
    assert text.startswith(opening)
    headings = re.findall(r'<h2 id=".*?">(.*?)</h2>', text)
    assert headings[:5] == ["Arms", "Comparisons", "Equal what", "Converged", "Learning curves"]
    assert headings[5:9] == ["Test sets", "pass@1 by depth", "Further measures", "Accuracy by segments at inference"]
    assert text.count("On synthetic_code training does not validate pass@1; what is read there is ") == 2
    assert "a completion that passes all tests in the sandbox; answers written greedily, with all segments. Claims are" in text
    assert "LEAKS" not in text
    assert "Accuracy by difficulty" not in text
    assert {"depth.png", "learning_synthetic_code_nano.png"} <= {picture.name for picture in code_report.pictures}
    assert "Training does not measure pass@1, so this is not pass@1." in next(
        picture.caption for picture in code_report.pictures if picture.name.startswith("learning")
    )
    page = (code_report.path.parent / "report.html").read_text()
    assert page.count("data:image/png;base64,") == sum(not (item.interactive or item.topic == "result") for item in code_report.pictures)


def test_pass_at_1_is_compared_on_the_outcomes_of_single_problems(code_report: Report) -> None:
    (task,) = code_report.study.tasks
    first = next(item for item in code_report.comparisons if (item.arm, item.opponent) == ("hrm", "transformer"))
    outcomes = {arm: [run.predictions for run in task.runs(arm)] for arm in ("hrm", "transformer")}
    passed = {arm: [np.asarray(found.outcomes("passed"), dtype=float) for found in each if found] for arm, each in outcomes.items()}
    assert first.levels == pytest.approx((np.mean(passed["hrm"]), np.mean(passed["transformer"])))
    assert first.per_seed[0] == pytest.approx((np.mean(passed["hrm"][0]), np.mean(passed["transformer"][0])))
    assert first.pairing == "examples"
    assert first.score == "pass@1"
    assert compare(code_report.study) == code_report.comparisons


def test_every_test_set_has_pass_rates_and_bits_with_intervals(code_report: Report) -> None:
    (sets,) = set_tables(code_report.study)
    assert [row[0] for row in sets.table.rows[::3]] == ["test_iid", *OTHERS]
    places = [sets.table.columns.index(name) for name in ("pass@1", "pass@5", "Bits per byte")]
    for row in sets.table.rows:
        assert all("[" in row[place] for place in places)
    assert "greedy (temperature 0), 1 completion per problem, at most 256 new tokens" in sets.notes[0]
    assert "`\\ndef `" in sets.notes[0]
    assert "27 completions of humaneval" in sets.notes[1]
    assert sets.notes[2:] == ("On humaneval read the bits per byte: one problem is 0.6 points.",)


def test_the_test_split_has_one_interval_in_all_tables(code_report: Report) -> None:
    (task,), ((sets,), (_, secondary)) = code_report.study.tasks, (set_tables(code_report.study), secondary_tables(code_report.study)[0])
    for arm in task.arms:
        row = dict(zip(sets.table.columns, next(row for row in sets.table.rows if row[:2] == ("test_iid", f"`{arm}`")), strict=True))
        for measure in task.measures:
            estimate = scores.on_test(task.runs(arm), measure)
            assert estimate is not None
            assert level_interval(estimate, measure.unit) in row[heading(measure.wording)]
    shown = dict(zip(secondary.columns, secondary.rows[0], strict=True))
    twins = [shown[f"Exact accuracy under given tokens, {way}"] for way in ("all segments", "learned halting")]
    given = next(measure for measure in task.measures if measure.name == "exact_accuracy")
    made = [scores.on_test(task.runs("hrm"), measure) for measure in (given, given.at_halting())]
    assert twins == [level_with_error(found.value, found.error, "share") for found in made if found is not None]
    assert all("exact_halting" in run.predictions.columns for run in task if run.predictions is not None)  # it is no fallback


def test_a_depth_that_is_the_whole_test_split_has_its_interval(tmp_path: Path) -> None:
    for seed in range(3):
        path = make_code_run(tmp_path, seed=seed, others=()).path / "summary.json"
        summary = json.loads(path.read_text())
        summary["test"]["by_depth"] = [{"depth": 2, "count": 120, "pass_at_1": summary["test"]["pass_at_1"]}]
        path.write_text(json.dumps(summary))
    (task,) = collected(tmp_path).tasks
    assert depth_estimates(task)["test_iid"]["hrm"] == {2: scores.on_test(task.runs("hrm"), task.measure)}


def test_depths_of_all_sets_with_intervals(code_report: Report) -> None:
    table = depth_table(code_report.study.tasks[0])
    assert table is not None
    assert table.columns == ("Test set", "Arm", "Depth 1", "Depth 2", "Depth 3", "Depth 4", "Depth 5")
    by_row = {row[:2]: row[2:] for row in table.rows}
    assert [cell != "–" for cell in by_row["test_iid", "`hrm`"]] == [True, True, True, False, False]
    assert [cell != "–" for cell in by_row["test_deeper", "`hrm`"]] == [False, False, False, True, True]
    assert "[" in by_row["test_deeper", "`hrm`"][3]
    assert by_row["test_iid", "problems"][:3] == ("40", "40", "40")


def test_further_measures_speak_of_tokens_and_copying(code_report: Report, report: Report) -> None:
    _, table = secondary_tables(code_report.study)[0]
    shown = dict(zip(table.columns, table.rows[0], strict=True))
    assert "Token accuracy" in shown
    assert shown["Token accuracy of copying"] == "5.0 %"
    assert shown["Tokens copied from the input"] == "18.0 %"
    assert shown["Generated text copied from the prompt"] == "21.0 %"
    assert not any("Cell" in column for column in table.columns)
    assert not any("cop" in column for column in secondary_tables(report.study)[0][1].columns)


def test_puzzles_show_copying_where_it_was_recorded(tmp_path: Path) -> None:
    for arm in ("hrm", "transformer"):
        run = make_run(tmp_path, arm=arm)
        summary = json.loads((run.path / "summary.json").read_text())
        summary["test"] |= {"copied_cells": 0.42, "copying_accuracy": 0.31}
        (run.path / "summary.json").write_text(json.dumps({**summary, "score": "exact_accuracy", "other_tests": {}}))
    text = make_report(study="quick", output_root=tmp_path, reports_root=tmp_path / "reports").path.read_text()
    assert "| Cell accuracy | Cell accuracy of copying | Cells copied from the input |" in text
    assert "| 31.0 % | 42.0 % |" in text
    meant = "the share of examples whose whole answer is right, after all segments"
    assert f"Accuracy here is *exact accuracy* on the test split: {meant}. Claims are" in text


def test_a_single_run_shows_its_own_intervals(tmp_path: Path) -> None:
    for arm in ("hrm", "transformer"):
        make_code_run(tmp_path, arm=arm)
    report = make_report(study="code", output_root=tmp_path, reports_root=tmp_path / "reports")
    result = report.study.tasks[0].runs("hrm")[0].summary["test"]
    low, high = (100 * end for end in result["pass_at_1_interval"])
    text = report.path.read_text()
    assert f"[{low:.1f}, {high:.1f}]" in text.split("## Comparisons")[0]
    assert "of a single run the recorded interval over examples" in text


@pytest.mark.slow
def test_a_study_of_puzzles_and_code_names_the_score_of_each(tmp_path: Path) -> None:
    for seed in range(2):
        for arm in ("hrm", "transformer"):
            make_code_run(tmp_path, arm=arm, seed=seed)
            make_run(tmp_path, study="code", arm=arm, seed=seed)
    report = make_report(study="code", output_root=tmp_path, reports_root=tmp_path / "reports")
    text = report.path.read_text()
    assert text.startswith("# Study `code`: exact accuracy and pass@1 at equal size")
    assert "| Arm | sudoku_4x4 (exact accuracy) | synthetic_code (pass@1) |" in text
    assert (
        "on sudoku_4x4 *exact accuracy*: the share of examples whose whole answer is right, after all segments; on synthetic_code *pass@1*:"
        in text
    )
    assert report.verdict.details[1].startswith("**synthetic_code (pass@1)**: ")


@pytest.mark.parametrize(
    ("sampling", "words"),
    [
        ({"temperature": 0.8}, "answers written by sampling (temperature 0.8), with all segments"),
        ({"halting": True}, "answers written greedily, at learned halting"),
        ({"temperature": 0.2, "samples": 5}, "by sampling (temperature 0.2), with all segments, the mean of 5 for each"),
    ],
)
def test_what_pass_at_1_means_follows_the_sampling(tmp_path: Path, sampling: dict, words: str) -> None:
    make_code_run(tmp_path, sampling=sampling)
    assert words in scores.meaning(collected(tmp_path))


def test_sampling_words_name_every_setting() -> None:
    settings = {"samples": 10, "temperature": 0.8, "top_p": 0.95, "max_new_tokens": 64, "stop": [], "halting": True, "timeout": 2.5}
    assert sampling_words({"sampling": settings, "tier": "landlock", "verdicts": {"passed": 3}}) == (
        "sampled at temperature 0.8, top-p 0.95, 10 completions per problem, at most 64 new tokens, ended by the end token alone, "
        "each token read at learned halting, 2.5 s for each program, sandbox tier landlock"
    )


def test_a_score_that_is_missing_makes_a_run_unreadable(tmp_path: Path) -> None:
    make_code_run(tmp_path)
    path = make_code_run(tmp_path, seed=1).path / "summary.json"
    summary = json.loads(path.read_text())
    del summary["test"]["pass_at_1"]
    path.write_text(json.dumps(summary))
    (listed,) = collected(tmp_path).listed
    assert "no test pass_at_1, the score it names" in listed.reason


def test_problems_without_outcomes_cannot_be_paired(tmp_path: Path) -> None:
    for arm in ("hrm", "transformer"):
        run = make_code_run(tmp_path, arm=arm)
        pd.read_parquet(run.predictions_file).drop(columns="passed").to_parquet(run.predictions_file)
    (comparison,) = compare(collected(tmp_path))
    assert comparison.unpaired == "seed 0 of `hrm` lacks the outcomes of single problems"
    assert comparison.pairing == "nothing"


def test_results_csv_has_every_set_and_interval(code_report: Report) -> None:
    rows = list(csv.DictReader((code_report.path.parent / "results.csv").read_text().splitlines()))
    assert {row["score"] for row in rows} == {"pass_at_1"}
    assert {row["leaks"] for row in rows} == {"no"}
    for column in ("test/pass_at_1_low", "test_deeper/bits_per_byte_high", "humaneval/verdicts/passed", "test/sampling/temperature"):
        assert all(row[column] != "" for row in rows)


def test_segments_that_are_means_over_tokens_are_rounded() -> None:
    np.testing.assert_array_equal(_whole_counts(np.array([1.0, 1.49, 1.5, 2.5, 0.9, np.nan])), [3, 1, 1])
    np.testing.assert_array_equal(_whole_counts(np.array([1, 1, 3])), [2, 0, 1])


def test_a_stand_in_that_sees_nothing_gives_way_to_tokens(tmp_path: Path) -> None:
    run = make_code_run(tmp_path, share=0.5)
    rows = run.metrics_file.read_text().splitlines()
    run.metrics_file.write_text("\n".join(re.sub("(val/exact_accuracy),.*", r"\1,0.0", row) for row in rows) + "\n")
    (task,) = collected(tmp_path).tasks
    followed = followed_measure(task)
    assert followed is not None
    assert followed.name == "cell_accuracy"
    assert [file for _, file, _ in drawn_measures(task)] == ["learning"]  # once, not as cells too
    assert [item.state for item in finished(collected(tmp_path))] != ["not begun"]


def test_a_stand_in_that_sees_nothing_is_right_where_nothing_passes(tmp_path: Path) -> None:
    make_code_run(tmp_path, share=0.0)
    (task,) = collected(tmp_path).tasks
    followed = followed_measure(task)
    assert followed is not None
    assert followed.name == "exact_accuracy"
