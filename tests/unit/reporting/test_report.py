"""The report as a whole: what stands in it, in which order, and what it does with runs that do not count."""

import csv
import json
import re
import resource
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from hrmlab.core.errors import UserError
from hrmlab.reporting.card.fairness import fairness_card
from hrmlab.reporting.collect.gather import collect
from hrmlab.reporting.report import Report, make_report, write_report
from quick_figures import painted_figures
from run_factory import make_run


def test_the_first_screen_then_the_sections_in_order(report: Report) -> None:
    lines = report.path.read_text().splitlines()
    assert lines[0].startswith("# Study `quick`")
    assert lines[2].startswith(
        "**Left out: 6 of 23 launches, namely 1 completed run of another configuration under the name of an arm that"
    )
    assert report.verdict.summary in lines
    first = next(place for place, line in enumerate(lines) if line.startswith("**Contents:** "))
    assert lines.index("## Main result") < first
    assert [line for line in lines if line.startswith("## ")] == ["## Main result"]
    assert "![Test exact accuracy of every arm on every task](figures/result.png)" in lines[:first]
    sections = re.findall(r"<details><summary><h2 id=\"(.*?)\">(.*?)</h2></summary>", "\n".join(lines))
    assert [title for _, title in sections] == [
        "Arms",
        "Comparisons",
        "All tasks together",
        "Equal what",
        "Converged",
        "Learning curves",
        "Further measures",
        "Accuracy by segments at inference",
        "Accuracy by difficulty",
        "Where one arm fails and the other does not",
        "Budget and cost",
        "Fairness card",
        "Runs that do not count",
        "Provenance",
    ]
    assert re.findall(r"\[([^\]]+)\]\(#([^)]+)\)", lines[first]) == [(title, anchor) for anchor, title in sections]
    assert "\n".join(lines).count("<details>") == "\n".join(lines).count("</details>")


def test_the_question_comes_before_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("hrmlab.core.progress.FIRST_LINE_SECONDS", 0.0)
    for arm in ("hrm", "transformer"):
        make_run(tmp_path, arm=arm, config={"question": "Does it help?", "limits": "Nothing is said of large models."})
    report = make_report(study="quick", output_root=tmp_path, reports_root=tmp_path / "reports")
    assert report.path.read_text().splitlines()[2] == "**Question.** Does it help?"
    assert "**Limits.** Nothing is said of large models." in report.path.read_text()
    assert "<strong>Question.</strong> Does it help?" in report.path.with_suffix(".html").read_text()
    told = capsys.readouterr().err
    assert all(part in told for part in ("reading runs: 1 of", "drawing figures: 1 of"))


def test_the_limits_are_those_that_the_sweep_file_has_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "quick.yaml"
    file.write_text("study: quick\nlimits: Seen afterwards.\n")
    monkeypatch.setattr("hrmlab.reporting.collect.statements.config_file", lambda group, choice: file)
    for arm in ("hrm", "transformer"):
        make_run(tmp_path, arm=arm, config={"limits": "As it was started."})
    assert make_report(study="quick", output_root=tmp_path, reports_root=tmp_path / "r").study.limits == "Seen afterwards."
    file.write_text("study: another\nlimits: Of another study.\n")
    assert make_report(study="quick", output_root=tmp_path, reports_root=tmp_path / "r").study.limits == "As it was started."


def test_files_beside_the_report(report: Report) -> None:
    folder = report.path.parent
    names = {"report.md", "report.html", "results.csv", "results.parquet", "table.tex", "runs.json", "figures"}
    assert {path.name for path in folder.iterdir()} == names
    drawn = {
        "result",
        "segments",
        "halting",
        "rating",
        *(f"{kind}_{task}_nano" for kind in ("learning", "cells") for task in ("sudoku_4x4", "maze_10x10")),
    }
    assert {path.name for path in (folder / "figures").iterdir()} == {f"{stem}.{ending}" for stem in drawn for ending in ("png", "pdf")}
    for stem in drawn:
        assert f"](figures/{stem}.png)" in report.path.read_text()
        assert (folder / "figures" / f"{stem}.png").read_bytes().startswith(b"\x89PNG")
        assert (folder / "figures" / f"{stem}.pdf").read_bytes().startswith(b"%PDF")
    rows = list(csv.DictReader((folder / "results.csv").read_text().splitlines()))
    assert len(rows) == 17
    assert {row["arm"] for row in rows} == {"hrm", "transformer", "deep_supervision_transformer"}
    assert float(rows[0]["test/exact_accuracy"]) > 0
    assert rows[0]["optimizer.learning_rate"] == "0.001"
    assert rows[0]["command"].startswith("hrm-train study=quick model=")
    table = pq.read_table(folder / "results.parquet")
    assert table.column_names == list(rows[0])
    assert table["test/exact_accuracy"].to_pylist() == [float(row["test/exact_accuracy"]) for row in rows]
    content = json.loads((folder / "runs.json").read_text())
    assert len(content["counted"]) == 17
    assert len(content["comparisons"]) == 6
    assert {item["state"] for item in content["not_counted"]} == {"failed", "interrupted", "duplicate", "superseded", "unreadable"}


def test_html_is_one_file_with_the_same_sections(report: Report) -> None:
    page = report.path.with_suffix(".html").read_text()
    body = page[: page.index('<script type="application/json"')]
    assert body.count("data:image/png;base64,") == 3  # curves can be pointed at, the result plot is drawn in the page
    assert body.count('class="chart"') == 4
    assert body.count("<h2") == 15
    assert '<a href="#fairness-card">' in body
    assert 'id="fairness-card"' in body
    assert "**" not in body
    assert 'src="http' not in page
    assert '<link rel="stylesheet"' not in page
    assert len(page) < 2_000_000
    charts = json.loads(page.partition('id="charts">')[2].partition("</script>")[0])
    assert [chart["name"] for chart in charts] == re.findall(r'data-chart="(.*?)"', body)
    for arm in charts[0]["arms"]:
        assert len(arm["seeds"]) == (2 if arm["name"] == "deep_supervision_transformer" else 3)
        assert all(len(x) == len(y) > 1 for x, y in arm["mean"].values())


def test_html_is_deterministic_and_its_tables_know_their_numbers(report: Report) -> None:
    page = report.path.with_suffix(".html").read_text()
    assert re.search(r'<td class="number" data-sort="2000">2,000</td>', page)
    assert 'data-sort="">n/a</td>' in page or "n/a" not in page


def test_what_does_not_count_is_listed_with_its_reason(report: Report) -> None:
    reasons = {(item.state, item.name.split("/")[2]): item.reason for item in report.study.listed}
    assert reasons["failed", "deep_supervision_transformer"] == "the loss became NaN at step 666 (lower optimizer.learning_rate)"
    assert reasons["interrupted", "hrm"].startswith("stopped after step 650")
    assert "completed later and counts" in reasons["duplicate", "hrm"]
    assert "optimizer.learning_rate=0.1 there 0.001" in reasons["superseded", "transformer"]
    assert "it has no run.json" in reasons["unreadable", "hrm"]
    text = report.path.read_text()
    for item in report.study.listed:
        assert f"| `{item.name}` | {item.state} |" in text
    assert "On maze_10x10 `deep_supervision_transformer` lacks seed 2" in text


def test_the_latest_completed_launch_counts(report: Report) -> None:
    counted = {run.name for run in report.study.runs}
    assert any(name.startswith("quick/sudoku_4x4/hrm/nano/seed=0/") and name.endswith("-2") for name in counted)
    transformer = report.study.tasks[1].arms["transformer"][1]
    assert transformer.test("exact_accuracy") != pytest.approx(0.1)


def test_no_path_of_this_machine_but_those_given(report: Report, outputs: Path) -> None:
    text = report.path.read_text()
    assert text.count(str(outputs)) == 1  # in the command that writes the report again
    assert str(outputs) not in (report.path.parent / "results.csv").read_text()


def test_one_seed_is_never_a_verdict(tmp_path: Path) -> None:
    for arm, accuracy in (("hrm", 0.9), ("transformer", 0.2)):
        make_run(tmp_path, arm=arm, accuracy=accuracy)
    report = make_report(study="quick", output_root=tmp_path, reports_root=tmp_path / "reports")
    text = report.path.read_text()
    assert (
        report.verdict.summary == "At equal steps, `hrm` gets no verdict against `transformer` (an arm with a single seed) on sudoku_4x4."
    )
    assert "is 70.0 points above `transformer` (90.0 % against 20.0 %); an arm with a single seed is no verdict" in text
    assert "1 seed, interval from test examples only" in text


def test_a_loss_is_said_plainly(tmp_path: Path) -> None:
    for seed in range(4):
        make_run(tmp_path, arm="hrm", seed=seed, accuracy=0.3 + 0.01 * seed)
        make_run(tmp_path, arm="transformer", seed=seed, accuracy=0.6 + 0.012 * seed)
    report = make_report(study="quick", output_root=tmp_path, reports_root=tmp_path / "reports")
    assert report.verdict.summary == "At equal steps, `hrm` is worse than `transformer` on sudoku_4x4."
    assert "is worse than `transformer` by 30." in report.verdict.details[0]


def test_nothing_completed_still_gives_a_report(tmp_path: Path) -> None:
    make_run(tmp_path, state="failed")
    text = write_report(study="quick", output_root=tmp_path, reports_root=tmp_path / "reports").read_text()
    assert "No verdict: no run of this study has been completed." in text
    assert "the loss became NaN" in text


def test_a_running_run_is_listed_as_running(tmp_path: Path) -> None:
    make_run(tmp_path)
    run = make_run(tmp_path, seed=1, state="interrupted")
    with run.locked():
        report = make_report(study="quick", output_root=tmp_path, reports_root=tmp_path / "reports")
    assert [(item.state, item.reason) for item in report.study.listed] == [("running", "now at step 650")]


def test_an_arm_alone_and_a_missing_baseline(tmp_path: Path) -> None:
    make_run(tmp_path)
    text = write_report(study="quick", output_root=tmp_path, reports_root=tmp_path / "reports").read_text()
    assert "completed runs of `hrm` only, and nothing to compare" in text
    assert "No arm of this study is declared its baseline" in text
    make_run(tmp_path, arm="transformer", state="failed")
    text = write_report(study="quick", output_root=tmp_path, reports_root=tmp_path / "reports").read_text()
    assert "The baseline `transformer` has no completed run in this study" in text
    with pytest.raises(UserError, match="baseline=transfomer is no arm of study quick; its arms are hrm, transformer"):
        write_report(study="quick", output_root=tmp_path, reports_root=tmp_path / "reports", baseline="transfomer")


def test_several_sizes_are_kept_apart(tmp_path: Path) -> None:
    for size in ("nano", "tiny"):
        for arm in ("hrm", "transformer"):
            make_run(tmp_path, arm=arm, size=size)
    report = make_report(study="quick", output_root=tmp_path, reports_root=tmp_path / "reports")
    assert [task.label for task in report.study.tasks] == ["sudoku_4x4 (nano)", "sudoku_4x4 (tiny)"]


@pytest.mark.slow
@painted_figures()
def test_sizes_sort_by_number_and_get_a_figure(tmp_path: Path) -> None:
    for size, parameters in (("tiny", 16_000_000), ("nano", 100_000), ("medium", 64_000_000)):
        for arm in ("hrm", "transformer"):
            settings = {"size": {"name": size, "parameters": parameters, "head_size": 16}}
            make_run(tmp_path, arm=arm, size=size, config=settings, budget={"parameters": parameters})
    report = make_report(study="quick", output_root=tmp_path, reports_root=tmp_path / "reports")
    assert [task.size for task in report.study.tasks] == ["nano", "tiny", "medium"]
    assert "](figures/sizes.png)" in report.path.read_text()


def test_no_such_study_names_the_studies(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no study at all"):
        write_report(study="quick", output_root=tmp_path, reports_root=tmp_path / "reports")
    make_run(tmp_path)
    with pytest.raises(UserError, match=r"did you mean quick\? studies found: quick"):
        write_report(study="quik", output_root=tmp_path, reports_root=tmp_path / "reports")


@pytest.mark.parametrize("name", ["metrics.csv", "predictions.parquet", "budget.json", "data.json", "provenance.json"])
@pytest.mark.parametrize("damage", ["missing", "corrupt"])
def test_a_damaged_record_is_reported_and_never_a_crash(tmp_path: Path, name: str, damage: str) -> None:
    for arm, seed in (("hrm", 0), ("hrm", 1), ("transformer", 0)):
        make_run(tmp_path, arm=arm, seed=seed)
    run = make_run(tmp_path, arm="transformer", seed=1)
    (run.path / name).unlink() if damage == "missing" else (run.path / name).write_bytes(b'{"a": [1,\n\x00\xff')
    study = collect(study="quick", output_root=tmp_path)
    record = next(check for check in fairness_card(study) if check.name == "Complete records")
    assert record.status == "WARNING"
    assert name in record.detail
    assert len(study.runs) == 4


def test_runs_that_kept_nothing_but_their_summary_still_make_a_report(tmp_path: Path) -> None:
    for arm in ("hrm", "transformer"):
        run = make_run(tmp_path, arm=arm)
        for name in ("metrics.csv", "predictions.parquet", "budget.json", "data.json", "provenance.json", "overrides.yaml"):
            (run.path / name).unlink()
    report = make_report(study="quick", output_root=tmp_path, reports_root=tmp_path / "reports")
    assert [picture.name for picture in report.pictures] == ["result.png", "rating.png"]


@pytest.mark.parametrize(
    ("content", "words"),
    [("{", "cannot be read as JSON"), ('{"test": {}}', "holds no test exact accuracy"), ('{"test": 3}', "holds no test exact accuracy")],
)
def test_a_run_without_a_summary_is_unreadable(tmp_path: Path, content: str, words: str) -> None:
    make_run(tmp_path)
    (make_run(tmp_path, seed=1).path / "summary.json").write_text(content)
    report = make_report(study="quick", output_root=tmp_path, reports_root=tmp_path / "reports")
    assert [item.state for item in report.study.listed] == ["unreadable"]
    assert words in report.study.listed[0].reason


def test_a_failing_report_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_run(tmp_path)
    path = write_report(study="quick", output_root=tmp_path, reports_root=tmp_path / "reports")
    (path.parent / "notes.md").write_text("mine")
    (path.parent / "figures" / "stale.png").write_bytes(b"")
    old = path.read_text()

    def fail(*_: object, **__: object) -> str:
        raise RuntimeError("no")

    with monkeypatch.context() as patched:
        patched.setattr("hrmlab.reporting.report.render_html", fail)
        with pytest.raises(RuntimeError):
            write_report(study="quick", output_root=tmp_path, reports_root=tmp_path / "reports")
    assert path.read_text() == old
    write_report(study="quick", output_root=tmp_path, reports_root=tmp_path / "reports")
    assert (path.parent / "notes.md").read_text() == "mine"
    assert not (path.parent / "figures" / "stale.png").exists()
    assert not list(path.parent.glob(".writing-*"))


def test_a_reports_root_that_cannot_be_written(tmp_path: Path) -> None:
    make_run(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="reports_root="):
        write_report(study="quick", output_root=tmp_path, reports_root=tmp_path / "file")


@pytest.mark.slow
def test_no_torch_and_no_seconds_wasted(tmp_path: Path) -> None:
    """200 runs within the limit, in a process of its own; CPU time, because other processes may be busy."""
    for task in ("sudoku_4x4", "maze_10x10", "sudoku_9x9", "maze_30x30"):
        for arm in ("hrm", "transformer", "deep_supervision_transformer", "hrm_one_segment", "hrm_no_halting"):
            for seed in range(10):
                make_run(tmp_path, study="big", task=task, arm=arm, seed=seed)
    program = f"""
import sys
from hrmlab.reporting.report import make_report
report = make_report(study="big", output_root={str(tmp_path)!r}, reports_root={str(tmp_path / "reports")!r})
assert len(report.study.runs) == 200
print([name for name in ("torch", "lightning", "hydra", "wandb") if name in sys.modules])
"""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 60  # work done twice, not a timing: `make bench` measures
