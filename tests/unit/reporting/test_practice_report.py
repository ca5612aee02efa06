"""What a report says of runs that went on to learn by reward."""

import json
from pathlib import Path

import pytest

from hrmlab.reporting.card.audit_checks import sandbox
from hrmlab.reporting.collect.gather import collect
from hrmlab.reporting.compare.practice import practised
from hrmlab.reporting.compare.scores import on_test
from hrmlab.reporting.figures.drawing import looks
from hrmlab.reporting.figures.practice_figure import draw_practice
from hrmlab.reporting.report import write_report
from hrmlab.reporting.tables.evaluation_sets import set_tables
from hrmlab.reporting.tables.practice import practice_tables
from quick_figures import painted_figures
from run_factory import make_run

GAINS = {"hrm": (0.10, 0.14, 0.12), "transformer": (0.02, -0.01, 0.0)}


@pytest.fixture
def study(tmp_path: Path) -> Path:
    make_practised(tmp_path, GAINS)
    return tmp_path


def make_practised(root: Path, gained: dict[str, tuple[float, ...]]) -> None:
    """Arms that reach 50 % by the warm-up and then gain so much in each seed, which is what the runs come to in the end."""
    for arm, gains in gained.items():
        for seed, gain in enumerate(gains):
            run = make_run(root / "outputs", study="s", arm=arm, seed=seed, examples=100, accuracy=round(0.5 + gain, 2))
            stages = [
                {"name": "warm_up", "last_step": 2000, "tests": scored(0.5), "held_out": {"math": {"reward": 1.0}}},
                {"name": "math", "last_step": 2040, "tests": scored(round(0.5 + gain, 2)), "held_out": {"math": {"reward": 1.5}}},
            ]
            summary = run.read_json("summary.json")
            assert summary is not None
            (run.path / "summary.json").write_text(json.dumps({**summary, "stages": stages}))
            with run.metrics_file.open("a") as file:
                file.write("2010,1.0,practice/reward,1.0\n2040,2.0,practice/reward,1.4\n")


def scored(accuracy: float) -> dict[str, dict[str, float]]:
    return {"test": {"count": 100, "right": 100 * accuracy, "accuracy": accuracy}}


def test_gains_are_those_of_each_run_over_its_own_warm_up(study: Path) -> None:
    ((task, found),) = practised(collect(study="s", output_root=study / "outputs"))
    assert task.label
    for arm, gains in GAINS.items():
        before, after = found[arm]
        assert (before.name, before.gain, before.reward) == ("warm_up", None, None)
        assert after.gain is not None
        assert after.reward is not None
        assert after.gain.value == pytest.approx(sum(gains) / 3)
        assert after.reward.value == pytest.approx(0.5)
        assert after.gain.low is not None
        assert after.gain.high is not None
        assert after.gain.low < after.gain.value < after.gain.high
        assert (after.gain.low > 0) == (arm == "hrm")
    ahead = found["hrm"][1].ahead
    assert ahead is not None
    assert ahead.value == pytest.approx(sum(GAINS["hrm"]) / 3 - sum(GAINS["transformer"]) / 3)
    assert ahead.low is not None
    assert 0 < ahead.low < ahead.value  # from 0.08, 0.15 and 0.12, seed by seed
    assert found["hrm"][0].ahead is found["transformer"][1].ahead is None
    ((_, table),) = practice_tables(collect(study="s", output_root=study / "outputs"))
    assert [row[:2] for row in table.rows] == [
        ("`hrm`", "warm up"),
        ("`hrm`", "math"),
        ("`transformer`", "warm up"),
        ("`transformer`", "math"),
    ]


@pytest.mark.slow
@painted_figures()
def test_the_report_has_a_section_of_it_with_a_figure(study: Path) -> None:
    path = write_report(study="s", output_root=study / "outputs", reports_root=study / "reports")
    text = path.read_text()
    assert "Learning by reward" in text
    assert "figures/practice.png" in text
    assert (path.parent / "figures" / "practice.pdf").exists()


def test_what_a_run_came_to_has_the_interval_of_every_table(study: Path) -> None:
    found = collect(study="s", output_root=study / "outputs")
    ((task, stages),) = practised(found)
    for arm in GAINS:
        assert stages[arm][-1].accuracy == on_test(task.runs(arm), task.measure)
        assert stages[arm][0].accuracy != on_test(task.runs(arm), task.measure)


@pytest.mark.slow
def test_equal_gains_have_no_interval_and_the_page_says_why(study: Path, tmp_path: Path) -> None:
    said = "No interval where all seeds gained the same"
    gains = {**GAINS, "deep_supervision_transformer": (0.0, 0.0, 0.0)}
    make_practised(tmp_path / "equal", gains)
    path = write_report(study="s", output_root=tmp_path / "equal" / "outputs", reports_root=tmp_path / "equal" / "reports")
    assert path.read_text().count(said) == 1
    ((_, table),) = practice_tables(collect(study="s", output_root=tmp_path / "equal" / "outputs"))
    assert next(row[3] for row in table.rows if row[:2] == ("`deep_supervision_transformer`", "math")) == "0.0"
    assert "[" in next(row[3] for row in table.rows if row[:2] == ("`hrm`", "math"))


def test_whatever_is_the_warm_ups_says_so(study: Path, tmp_path: Path) -> None:
    text = write_report(study="s", output_root=study / "outputs", reports_root=study / "reports").read_text()
    said = "of the warm-up alone; practice comes after and is not counted."
    for name, times in (("equal-what", 1), ("converged", 1), ("learning-curves", 1), ("budget-and-cost", 2)):
        assert section(text, name).count(said) == times, name
    assert "The test split is scored after each stage, and is not shown here." in section(text, "equal-what")
    assert "once" not in section(text, "equal-what")
    assert "Steps are the warm-up's." in section(text, "arms")
    make_run(tmp_path / "plain" / "outputs", study="s")
    make_run(tmp_path / "plain" / "outputs", study="s", arm="transformer")
    plain = write_report(study="s", output_root=tmp_path / "plain" / "outputs", reports_root=tmp_path / "plain").read_text()
    assert "warm-up" not in plain
    assert "scored once, at the end, and is not shown here" in section(plain, "equal-what")


def section(text: str, name: str) -> str:
    return text.partition(f'<h2 id="{name}">')[2].partition("</details>")[0]


def test_marks_beside_results_after_practice_are_of_the_warm_up(study: Path) -> None:
    for path in (study / "outputs").glob("**/metrics.csv"):
        rows = [line for line in path.read_text().splitlines() if "val/" not in line or line.startswith(("500,", "1000,", "2000,"))]
        path.write_text("\n".join(rows) + "\n")
    text = write_report(study="s", output_root=study / "outputs", reports_root=study / "reports").read_text()
    legend = next(line for line in text.splitlines() if line.startswith("Validation curves: ¶"))
    assert legend.endswith("The curves are of the warm-up alone; practice comes after and is not counted.")


def test_dotted_lines_are_told_of_where_they_are_drawn(study: Path) -> None:
    found = collect(study="s", output_root=study / "outputs")
    style = looks(found.arms)
    for run in found.runs:
        run.stages.append({"name": "chain", "last_step": 2060, "tests": scored(0.6)})
    drawn = draw_practice(found, style)
    assert drawn is not None
    assert "dotted lines part the stages" in drawn.caption
    found.runs[0].stages[1]["last_step"] = 2050
    drawn = draw_practice(found, style)
    assert drawn is not None
    assert "dotted" not in drawn.caption


def test_answers_that_are_read_ask_for_no_sandbox(tmp_path: Path) -> None:
    for verdicts, status in (({"right answer": 3}, "NOT APPLICABLE"), ({"passed": 1, "failed": 2}, "WARNING")):
        run = make_run(tmp_path / status, study="s")
        summary = run.read_json("summary.json")
        assert summary is not None
        settings = {"samples": 1, "temperature": 0.0, "timeout": 3.0}
        (run.path / "summary.json").write_text(
            json.dumps({**summary, "test": {**summary["test"], "verdicts": verdicts, "sampling": settings, "copied_share": 0.0}})
        )
        found = collect(study="s", output_root=tmp_path / status)
        assert sandbox(found).status == status
        ((sets,), were_run) = set_tables(found), "failed" in verdicts
        assert ("Failed / timed out" in sets.table.columns) == ("3 s for each program" in sets.notes[0]) == were_run
        assert "Copied text" in sets.table.columns
        text = write_report(study="s", output_root=tmp_path / status, reports_root=tmp_path / status / "reports").read_text()
        assert ("Failed / timed out: shares" in text) == were_run
        assert "Copied text: share" in text


def test_reports_of_other_runs_say_nothing_of_it(tmp_path: Path) -> None:
    make_run(tmp_path / "outputs", study="s")
    found = collect(study="s", output_root=tmp_path / "outputs")
    assert practised(found) == []
    assert practice_tables(found) == []
