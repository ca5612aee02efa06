"""What a report says of runs that went on to learn by reward."""

import json
from pathlib import Path

import pytest

from hrmlab.reporting.card.audit_checks import sandbox
from hrmlab.reporting.collect.gather import collect
from hrmlab.reporting.compare.practice import practised
from hrmlab.reporting.report import write_report
from hrmlab.reporting.tables.practice import practice_tables
from run_factory import make_run

GAINS = {"hrm": (0.10, 0.14, 0.12), "transformer": (0.02, -0.01, 0.0)}


@pytest.fixture
def study(tmp_path: Path) -> Path:
    for arm, gains in GAINS.items():
        for seed, gain in enumerate(gains):
            run = make_run(tmp_path / "outputs", study="s", arm=arm, seed=seed, examples=100)
            stages = [
                {"name": "warm_up", "last_step": 2000, "tests": scored(0.5), "held_out": {"math": {"reward": 1.0}}},
                {"name": "math", "last_step": 2040, "tests": scored(0.5 + gain), "held_out": {"math": {"reward": 1.5}}},
            ]
            summary = run.read_json("summary.json")
            assert summary is not None
            (run.path / "summary.json").write_text(json.dumps({**summary, "stages": stages}))
            with run.metrics_file.open("a") as file:
                file.write("2010,1.0,practice/reward,1.0\n2040,2.0,practice/reward,1.4\n")
    return tmp_path


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


def test_the_report_has_a_section_of_it_with_a_figure(study: Path) -> None:
    path = write_report(study="s", output_root=study / "outputs", reports_root=study / "reports")
    text = path.read_text()
    assert "Learning by reward" in text
    assert "figures/practice.png" in text
    assert (path.parent / "figures" / "practice.pdf").exists()


def test_answers_that_are_read_ask_for_no_sandbox(tmp_path: Path) -> None:
    for verdicts, status in (({"right answer": 3}, "NOT APPLICABLE"), ({"passed": 1, "failed": 2}, "WARNING")):
        run = make_run(tmp_path / status, study="s")
        summary = run.read_json("summary.json")
        assert summary is not None
        (run.path / "summary.json").write_text(json.dumps({**summary, "test": {**summary["test"], "verdicts": verdicts}}))
        assert sandbox(collect(study="s", output_root=tmp_path / status)).status == status


def test_reports_of_other_runs_say_nothing_of_it(tmp_path: Path) -> None:
    make_run(tmp_path / "outputs", study="s")
    found = collect(study="s", output_root=tmp_path / "outputs")
    assert practised(found) == []
    assert practice_tables(found) == []
