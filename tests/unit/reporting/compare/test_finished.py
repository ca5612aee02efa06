"""States of runs and arms, their marks, and a headline that begins with what is unfinished."""

import json
from pathlib import Path

import pytest

from hrmlab.core.errors import UserError
from hrmlab.reporting.collect.gather import collect
from hrmlab.reporting.compare.finished import Finished, _state, finished, marks_used, rate_words, unfinished_words
from hrmlab.reporting.report import Report, make_report
from hrmlab.statistics.convergence import Convergence, State
from hrmlab.statistics.intervals import mean_interval
from run_factory import make_run


def arm(*runs: tuple[State, float]) -> Finished:
    found = {seed: Convergence(state=state, gain=gain, margin=0.01) for seed, (state, gain) in enumerate(runs)}
    gain = mean_interval([gain for _, gain in runs], confidence=0.9) if len(runs) > 1 else None
    return Finished(task="maze", arm="hrm", name="`hrm`", runs=found, gain=gain, state=_state(found, gain, 0.02), share=True)


@pytest.mark.parametrize(
    ("runs", "state"),
    [
        ([("converged", 0.0)] * 3, "converged"),
        ([("cannot tell", 0.004), ("cannot tell", -0.003), ("cannot tell", 0.001), ("converged", 0.0)], "converged"),
        ([("cannot tell", 0.004), ("cannot tell", -0.003)], "cannot tell"),
        ([("cannot tell", 0.04), ("cannot tell", 0.05), ("cannot tell", 0.06)], "still rising"),
        ([("still rising", 0.015), ("converged", 0.0), ("converged", 0.0), ("converged", 0.0)], "converged"),
        ([("still rising", 0.03), ("still rising", 0.03), ("converged", 0.0), ("converged", 0.0)], "still rising"),
        ([("no longer rising", -0.03)], "no longer rising"),
        ([("no longer rising", -0.03), ("converged", 0.0)], "no longer rising"),
        ([("no longer rising", -0.01), ("converged", 0.005), ("converged", 0.0)], "converged"),
        ([("no longer rising", -0.03), ("no longer rising", -0.2), ("converged", 0.0)], "no longer rising"),
        ([("no longer rising", -0.03), ("not begun", 0.0), ("converged", 0.0)], "not begun"),
        ([("no longer rising", -0.03), ("still rising", 0.05)], "still rising"),
        ([("no longer rising", -0.03), ("by heart", 0.0)], "by heart"),
        ([("not begun", 0.0), ("converged", 0.0), ("converged", 0.0)], "not begun"),
        ([("by heart", 0.0), ("by heart", 0.0)], "by heart"),
        ([("by heart", 0.0), ("converged", 0.0)], "by heart"),
        ([("by heart", 0.0), ("not begun", 0.0)], "not begun"),
        ([("by heart", 0.0), ("still rising", 0.05)], "still rising"),
    ],
)
def test_the_state_of_an_arm(runs: list[tuple[State, float]], state: State) -> None:
    assert arm(*runs).state == state


def test_first_words_count_what_is_unfinished() -> None:
    done = arm(("converged", 0.0), ("converged", 0.0), ("converged", 0.0))
    rising = arm(("still rising", 0.1), ("still rising", 0.1), ("cannot tell", 0.1))
    assert unfinished_words((done,)) == ""
    assert marks_used((done,)) == ""
    assert unfinished_words((done, rising)) == "**Unfinished** (2 still rising and 1 not shown to have converged, of 6 runs)"
    assert unfinished_words((arm(("cannot tell", 0.0)),)) == "**Not shown to be finished** (1 of 1 run not shown to have converged)"
    assert unfinished_words((arm(("no longer rising", -0.03), ("converged", 0.0)),)) == ""
    assert rising.mark == "† still rising"
    assert rising.counts == "2 of 3 still rising, 1 not shown to have converged"


def test_a_report_of_runs_that_have_converged_has_no_mark(report: Report) -> None:
    assert {item.state for item in report.states} == {"converged"}
    assert report.verdict.summary.startswith("At equal steps, ")
    assert "†" not in report.path.read_text()
    content = json.loads((report.path.parent / "runs.json").read_text())
    assert {item["state"] for item in content["convergence"]} == {"converged"}
    assert {item["agreement"] for item in content["axes"]} <= {"keeps its sign", "flips", "undecided"}


@pytest.fixture(scope="module")
def rising(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output root with a study in which HRM still rises at its end, and leads at equal steps only."""
    root = tmp_path_factory.mktemp("rising")
    for seed in range(3):
        make_run(root, arm="hrm", seed=seed, middle=0.75, accuracy=0.70 + 0.01 * seed)
        make_run(root, arm="transformer", seed=seed, accuracy=0.60 + 0.01 * seed)
    return root


def test_a_headline_about_unfinished_runs_says_so_first(rising: Path, tmp_path: Path) -> None:
    made = make_report(study="quick", output_root=rising, reports_root=tmp_path)
    assert made.verdict.summary.startswith("**Unfinished** (3 of 6 runs still rising). At equal steps, `hrm` ")
    page = made.path.read_text()
    assert "† still rising<br>" in page
    assert (
        "**Scope.** nano (200,000 parameters), 2,000 steps of 64, 3 seeds; compared at equal steps; 1 of 2 arms have "
        "finished learning (3 of 6 runs" in page
    )
    assert "The sign depends on the axis: `hrm` against `transformer` on sudoku_4x4. See [equal what](#equal-what)." in page
    (check,) = [check for check in made.card if check.name == "Converged"]
    assert (check.status, check.detail) == ("WARNING", "hrm on sudoku_4x4: 3 of 3 still rising")


def test_the_headline_names_the_axis_that_was_asked_for(rising: Path, tmp_path: Path) -> None:
    made = make_report(study="quick", output_root=rising, reports_root=tmp_path, axis="flops")
    assert (
        "At equal training FLOPs, by the validation curves of exact accuracy: `hrm` is worse than `transformer` on sudoku_4x4 ("
        in made.verdict.summary
    )
    assert "On the test split, at equal steps, `hrm` " in made.verdict.summary
    assert "compared at equal training FLOPs" in made.path.read_text()


def test_an_axis_that_is_none_is_refused(rising: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="axis=epochs is none of steps, examples, flops, time"):
        make_report(study="quick", output_root=rising, reports_root=tmp_path, axis="epochs")
    assert not list(tmp_path.iterdir())


def test_arms_of_different_steps_are_not_compared_at_equal_steps(tmp_path: Path) -> None:
    for seed in range(2):
        make_run(tmp_path, arm="hrm", seed=seed)
        run = make_run(tmp_path, arm="transformer", seed=seed)
        summary = json.loads((run.path / "summary.json").read_text())
        summary["training"]["steps"] = 4000
        (run.path / "summary.json").write_text(json.dumps(summary))
    made = make_report(study="quick", output_root=tmp_path, reports_root=tmp_path / "r")
    assert made.verdict.summary.startswith("At the end of each run (they differ in steps), ")
    assert "compared at the end of runs that differ in steps" in made.path.read_text()


@pytest.mark.slow
def test_the_arm_or_the_tasks_whose_steps_differ_are_named(tmp_path: Path) -> None:
    for seed in range(2):
        for arm in ("hrm", "transformer", "flat_hrm"):
            run = make_run(tmp_path, arm=arm, seed=seed)
            if arm == "flat_hrm":
                summary = json.loads((run.path / "summary.json").read_text())
                summary["training"]["steps"] = 4000
                (run.path / "summary.json").write_text(json.dumps(summary))
    said = make_report(study="quick", output_root=tmp_path, reports_root=tmp_path / "r").verdict.summary
    assert "At the end of each run (steps differ for `flat_hrm`), " in said
    for seed in range(2):
        for arm in ("hrm", "transformer", "flat_hrm"):
            make_run(tmp_path, arm=arm, seed=seed, task="maze_6x6")
    said = make_report(study="quick", output_root=tmp_path, reports_root=tmp_path / "r").verdict.summary
    assert "At the end of each run (steps differ on sudoku_4x4), " in said


@pytest.mark.parametrize(
    ("optimizer", "held"),
    [
        ({"schedule": "cosine", "hold_share": 0.4}, True),
        ({"schedule": "cosine", "hold_share": 0.2}, False),
        ({"schedule": "cosine"}, False),
        ({"schedule": "constant"}, True),
        ({"final_learning_rate_ratio": 1.0}, True),
    ],
)
def test_what_the_learning_rate_means_for_the_end_is_said(tmp_path: Path, optimizer: dict[str, object], held: bool) -> None:
    make_run(tmp_path, config={"optimizer": {"name": "adamw", "learning_rate": 0.1, **optimizer}})
    said = rate_words(collect(study="quick", output_root=tmp_path))
    assert said.startswith("the learning rate stays where it is" if held else "a learning rate that falls to the end")


def test_a_task_without_validation_cannot_be_told(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.metrics_file.write_text("step,seconds,metric,value\n100,1.0,train/loss,1.0\n")
    (found,) = finished(collect(study="quick", output_root=tmp_path))
    assert found.state == "cannot tell"
    assert found.runs[0].reason == "no validation was logged"


@pytest.mark.parametrize(("practised", "state", "first"), [(0.2, "by heart", "At equal steps"), (0.0, "not begun", "**Unfinished**")])
def test_a_run_that_solves_training_examples_only_has_ended(tmp_path: Path, practised: float, state: State, first: str) -> None:
    for seed in range(3):
        make_run(tmp_path, arm="hrm", seed=seed)
        run = make_run(tmp_path, arm="transformer", seed=seed)
        rows = [row for row in run.metrics_file.read_text().splitlines() if "/exact_accuracy" not in row]
        rows += [f"{step},1.0,val/exact_accuracy,0.0\n{step},1.0,train/exact_accuracy,{practised}" for step in range(100, 2100, 100)]
        run.metrics_file.write_text("\n".join(rows) + "\n")
    made = make_report(study="quick", output_root=tmp_path, reports_root=tmp_path / "r")
    assert {item.arm: item.state for item in made.states} == {"hrm": "converged", "transformer": state}
    assert made.verdict.summary.startswith(first)
    (check,) = [check for check in made.card if check.name == "Converged"]
    assert check.status == ("OK" if state == "by heart" else "WARNING")
    if state == "by heart":
        assert "‖ solving training examples only<br>" in made.path.read_text()
        assert "; solving training examples only: transformer on sudoku_4x4" in check.detail
        assert "2 of 2 arms have finished learning (6 of 6 runs" in made.path.read_text()
