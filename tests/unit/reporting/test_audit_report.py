"""What audits say in a report: leaks stand beside every number of their arm, and nothing is called passed that was not measured."""

import csv
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from code_runs import SENTENCE, make_code_run, make_code_study

from hrmlab.reporting.card.audit_checks import pair_words
from hrmlab.reporting.card.checks import Check
from hrmlab.reporting.card.fairness import fairness_card
from hrmlab.reporting.collect.gather import collect
from hrmlab.reporting.compare.leaks import legend_label
from hrmlab.reporting.report import Report, make_report
from hrmlab.reporting.tables.contamination import contamination_examples, contamination_table
from hrmlab.reporting.text import plural
from run_factory import make_run


@pytest.fixture(scope="module")
def leaking(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """``hrm`` leaks on the code task and not on the puzzle."""
    root = tmp_path_factory.mktemp("leaking")
    make_code_study(root, leaking=("hrm",), others=("test_deeper", "humaneval"))
    for arm in ("hrm", "transformer"):
        for seed in range(3):
            make_run(root, study="code", arm=arm, seed=seed)
    return make_report(study="code", output_root=root, reports_root=root / "reports")


def checks(root: Path, study: str = "code") -> dict[str, Check]:
    return {check.name: check for check in fairness_card(collect(study=study, output_root=root))}


def rows_of_tables(text: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """(the heading above, columns, row) of every row of every Markdown table."""
    heading, columns = "", []
    for line in text.splitlines():
        if line.startswith(("#", "<details><summary><h2")):
            heading = re.sub(r"<.*?>", "", line).lstrip("# ")
        if not line.startswith("|"):
            columns = []
            continue
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if columns and not line.startswith("|:"):
            yield heading, columns, cells
        columns = columns or cells


@pytest.mark.slow
def test_leaks_stand_beside_every_number_in_every_table(leaking: Report) -> None:
    """Rows of the leaking task that name the arm; where tasks are columns, its cells; nothing of the other task."""
    marked: dict[str, int] = {}
    text = leaking.path.read_text().split('<h2 id="runs-that-do-not-count">')[0]
    for heading, columns, row in rows_of_tables(text):
        names = " ".join(row[:2] if columns[0] in ("Task", "Test set") else row[:1])
        if "`hrm`" not in names:
            continue
        if heading == "Main result":
            assert "LEAKS" not in row[1]
            assert row[2].count("LEAKS") == 2  # its own number and the difference
            continue
        task = row[0] if columns[0] == "Task" else heading
        assert ("LEAKS" in names) == task.startswith("synthetic_code"), row
        marked[columns[0] + heading] = marked.get(columns[0] + heading, 0) + ("LEAKS" in names)
    places = {"TaskComparisons": 2, "Test setsynthetic_code": 5, "Armsynthetic_code": 2, "TaskBudget and cost": 2}
    assert {place: marked[place] for place in places} == places


def test_sentences_about_a_leaking_arm_say_so_and_claim_nothing(leaking: Report) -> None:
    text = leaking.path.read_text()
    paragraph = text.split("\n\n")[1]
    assert paragraph.startswith("**LEAKS**: `hrm` sees the future on synthetic_code: ")
    assert SENTENCE in paragraph
    assert "`hrm` LEAKS on synthetic_code: no verdict" in leaking.verdict.summary
    for sentence in leaking.verdict.details:
        if "synthetic_code" in sentence:
            assert "`hrm` LEAKS" in sentence
            assert "% LEAKS against" in sentence
            assert not any(word in sentence for word in ("better", "worse", "no difference", "inconclusive"))
        else:
            assert "LEAKS" not in sentence
    for line in text.split("## Main result")[0].splitlines():
        if "synthetic_code" in line and "`hrm`" in line:
            assert "LEAKS" in line


def test_leaks_are_those_of_the_first_seed_that_has_any(tmp_path: Path) -> None:
    for seed in range(3):
        path = make_code_run(tmp_path, seed=seed, leaks=seed > 0).path / "audit.json"
        path.write_text(path.read_text().replace("by 0.42", f"by 0.{seed}"))
    (task,) = collect(study="code", output_root=tmp_path).tasks
    assert task.leaks("hrm") == (SENTENCE.replace("0.42", "0.1"),)


def test_a_leaking_comparison_takes_no_part_in_the_correction(leaking: Report) -> None:
    for item in leaking.comparisons:
        leaks = item.task == "synthetic_code" and "hrm" in (item.arm, item.opponent)
        assert (item.finding == "LEAKS") == leaks
        assert (item.corrected is None) == leaks or not item.asked
    claims = sum(item.asked and not item.leaking for item in leaking.comparisons)
    assert f"over the {plural(claims, 'comparison')} that this study asks for between arms that do not leak" in leaking.path.read_text()


@pytest.mark.slow
def test_a_leaking_baseline_marks_the_differences_to_it(tmp_path: Path) -> None:
    make_code_study(tmp_path, leaking=("transformer",))
    text = make_report(study="code", output_root=tmp_path, reports_root=tmp_path / "reports").path.read_text()
    row = next(line for line in text.splitlines() if line.startswith("| `hrm` |"))
    assert "points" in row
    assert "(**LEAKS**)" in row
    assert "no verdict of `hrm` against `transformer` there" in text


@pytest.mark.slow
def test_a_leaking_arm_without_the_score_does_not_change_what_counts(tmp_path: Path) -> None:
    make_code_study(tmp_path, leaking=("hrm",))
    for path in tmp_path.glob("code/synthetic_code/hrm/**/summary.json"):
        summary = json.loads(path.read_text())
        del summary["test"]["pass_at_1"]
        path.write_text(json.dumps({**summary, "score": "exact_accuracy"}))
    report = make_report(study="code", output_root=tmp_path, reports_root=tmp_path / "reports")
    assert report.study.tasks[0].measure.name == "pass_at_1"
    assert "| `hrm` | no pass@1 recorded **LEAKS** |" in report.path.read_text()
    assert {item.levels is None for item in report.comparisons if item.leaking} == {True}
    assert "`hrm` LEAKS" in report.verdict.details[0]


def test_legends_files_and_card_say_leaks(leaking: Report) -> None:
    puzzle, code = leaking.study.tasks
    assert legend_label([code], "hrm") == "hrm LEAKS"
    assert legend_label([puzzle], "hrm") == "hrm"
    assert legend_label([puzzle, code], "hrm") == "hrm (LEAKS on synthetic_code)"
    rows = list(csv.DictReader((leaking.path.parent / "results.csv").read_text().splitlines()))
    assert {(row["task"], row["arm"], row["leaks"]) for row in rows} >= {
        ("synthetic_code", "hrm", "LEAKS"),
        ("synthetic_code", "transformer", "no"),
        ("sudoku_4x4", "hrm", "not applicable"),
    }
    found = {check.name: check for check in leaking.card}
    assert found["Causality"].status == "WARNING"
    assert f"hrm LEAKS on synthetic_code: {SENTENCE}" in found["Causality"].detail
    assert "hrm LEAKS spent" in found["Compute"].detail.split("; ")[1]
    counted = json.loads((leaking.path.parent / "runs.json").read_text())["counted"]
    assert {run["leaks"] for run in counted if run["labels"]["arm"] == "hrm"} == {"LEAKS", "not applicable"}


def test_causality_is_what_was_measured(tmp_path: Path) -> None:
    make_code_study(tmp_path)
    found = checks(tmp_path)["Causality"]
    assert found.status == "OK"
    assert "measured before training on sequences of 12 tokens" in found.detail
    make_code_run(tmp_path, study="unmeasured", audited=False)
    make_code_run(tmp_path, study="unmeasured", arm="transformer")
    found = checks(tmp_path, "unmeasured")["Causality"]
    assert (found.status, found.detail) == ("WARNING", "not measured for hrm on synthetic_code (attention causal)")


def test_full_attention_is_no_excuse_where_the_next_token_is_asked(tmp_path: Path) -> None:
    run = make_code_run(tmp_path, audited=False)
    data = json.loads((run.path / "data.json").read_text())
    (run.path / "data.json").write_text(json.dumps({**data, "attention": "full"}))
    assert checks(tmp_path)["Causality"].status == "WARNING"


def test_old_runs_report_without_audits(report: Report) -> None:
    found = {check.name: check.status for check in report.card}
    assert [found[name] for name in ("Causality", "Contamination", "Sandbox")] == ["NOT APPLICABLE"] * 3
    assert "### Contamination" not in report.path.read_text()
    assert not any(run.problems for run in report.study.runs)


@pytest.mark.slow
def test_contamination_stands_in_table_card_and_examples(tmp_path: Path) -> None:
    make_code_study(tmp_path, others=("test_deeper", "humaneval"))
    study = collect(study="code", output_root=tmp_path)
    table = contamination_table(study)
    assert table is not None
    by_set = {row[1]: row[2:] for row in table.rows}
    assert by_set["test_iid"] == ("120", "0 / 0 / 0", "0", "31", "80", "expected of one grammar")
    assert by_set["humaneval"][-1] == "nothing found"
    assert any("for item in values : if item | 2" in example for example in contamination_examples(study))
    assert checks(tmp_path)["Contamination"].status == "OK"
    assert "### Contamination" in make_report(study="code", output_root=tmp_path, reports_root=tmp_path / "r").path.read_text()


def test_an_example_of_several_tasks_stands_once_with_their_names(tmp_path: Path) -> None:
    first = make_code_run(tmp_path, others=())
    other = first.path.parents[3].with_name("other_code")
    shutil.copytree(first.path.parents[3], other)
    for path in other.glob("**/run.json"):
        path.write_text(path.read_text().replace("synthetic_code", "other_code"))
    study = collect(study="code", output_root=tmp_path)
    assert [task.label for task in study.tasks] == ["other_code", "synthetic_code"]
    (said,) = contamination_examples(study)
    assert said.startswith("other_code and synthetic_code, test_iid: `test_iid/3` and the training record")


def test_problems_in_the_training_text_are_a_warning(tmp_path: Path) -> None:
    hits = {"ngram_prompt": 2, "ngram_solution": 2, "ast": 1, "exact_prompt": 0, "exact_solution": 1, "exact_whole": 0}
    sentence = "humaneval: of its 164 problems the 900 training records hold 1 solution word for word (a leak)."
    example = {"training": "train/1", "evaluation": "HumanEval/5", "kind": "exact_solution", "excerpt": "return `a` | b\n"}
    overlap = {"count": 164, "hits": hits, "templated": False, "leaks": True, "examples": [example]}
    make_code_run(tmp_path, contamination={"leaks": True, "findings": [sentence], "sets": {"humaneval": overlap}})
    make_code_run(tmp_path, arm="transformer", contamination={"leaks": True, "findings": [sentence], "sets": {"humaneval": overlap}})
    found = checks(tmp_path)["Contamination"]
    assert found.status == "WARNING"
    assert sentence in found.detail
    text = make_report(study="code", output_root=tmp_path, reports_root=tmp_path / "reports").path.read_text()
    assert "**in the training text**" in text
    assert "share the solution: `return 'a' | b`" in text


def test_sandboxes_that_differ_are_a_warning(tmp_path: Path) -> None:
    make_code_run(tmp_path)
    assert checks(tmp_path)["Sandbox"].detail == "every generated program ran in the sandbox tier bubblewrap"
    run = make_code_run(tmp_path, arm="transformer")
    summary = json.loads((run.path / "summary.json").read_text())
    summary["test"]["tier"] = "landlock"
    (run.path / "summary.json").write_text(json.dumps(summary))
    assert checks(tmp_path)["Sandbox"].status == "WARNING"


def test_overlap_names_every_test_set_and_the_published_protocol(tmp_path: Path) -> None:
    run = make_code_run(tmp_path)
    assert "train/test_deeper classes 0" in checks(tmp_path)["No split overlap"].detail
    data = json.loads((run.path / "data.json").read_text())
    data["overlap"]["train_test_unseen_composition_classes"] = 7
    (run.path / "data.json").write_text(json.dumps(data))
    found = checks(tmp_path)["No split overlap"]
    assert (found.status, "train/test_unseen_composition classes 7" in found.detail) == ("WARNING", True)
    data["shared_on_purpose"] = "the published data repeat programs"
    (run.path / "data.json").write_text(json.dumps(data))
    found = checks(tmp_path)["No split overlap"]
    assert found.status == "STATED"
    assert "on purpose (the published data repeat programs)" in found.detail


def test_pairs_of_splits_in_words() -> None:
    assert pair_words("train_test_deeper_classes", ["train", "validation", "test", "test_deeper"]) == "train/test_deeper classes"
    assert pair_words("validation_test_classes", []) == "validation/test classes"


def test_an_unreadable_audit_is_a_problem_of_the_records(tmp_path: Path) -> None:
    (make_code_run(tmp_path).path / "audit.json").write_text("{")
    found = checks(tmp_path)
    assert "audit.json" in found["Complete records"].detail
    assert found["Causality"].status == "WARNING"
