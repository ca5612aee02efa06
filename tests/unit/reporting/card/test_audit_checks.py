"""The card's lines that rest on audits."""

import json
from pathlib import Path

from hrmlab.reporting.card.fairness import fairness_card
from hrmlab.reporting.collect.gather import collect
from run_factory import make_run


def line(root: Path, name: str) -> tuple[str, str]:
    return next((check.status, check.detail) for check in fairness_card(collect(study="quick", output_root=root)) if check.name == name)


def test_what_remembering_answers_could_solve_is_said(tmp_path: Path) -> None:
    for seed in range(2):
        make_run(tmp_path, arm="hrm", seed=seed)
    status, detail = line(tmp_path, "Answers known from training")
    assert status == "STATED"
    assert detail.endswith("sudoku_4x4: 30 of 1,000, from 900 different training answers (answers as they stand)")


def test_runs_that_did_not_count_known_answers_are_said_to_have_not(tmp_path: Path) -> None:
    run = make_run(tmp_path, arm="hrm", seed=0)
    data = run.read_json("data.json") or {}
    (run.path / "data.json").write_text(json.dumps({key: value for key, value in data.items() if key != "answers"}))
    assert "did not record" in line(tmp_path, "Answers known from training")[1]


def test_what_is_shared_on_purpose_on_one_task_is_not_said_of_another(tmp_path: Path) -> None:
    make_run(tmp_path, arm="hrm", seed=0)
    run = make_run(tmp_path, arm="hrm", seed=0, task="maze_6x6")
    data = run.read_json("data.json") or {}
    shared = {"overlap": {"train_test_strings": 15}, "shared_on_purpose": "drawn with replacement"}
    (run.path / "data.json").write_text(json.dumps({**data, **shared}))
    status, detail = line(tmp_path, "No split overlap")
    assert status == "STATED"
    assert "shared between splits on sudoku_4x4: " in detail
    assert detail.endswith("shared on purpose on maze_6x6 (drawn with replacement): train/test strings 15")


def test_what_a_task_says_of_its_protocol_is_stated_and_a_task_that_says_nothing_has_no_line(tmp_path: Path) -> None:
    run = make_run(tmp_path, arm="hrm", seed=0)
    assert "Protocol" not in {check.name for check in fairness_card(collect(study="quick", output_root=tmp_path))}
    data = run.read_json("data.json") or {}
    (run.path / "data.json").write_text(json.dumps({**data, "protocol": "demonstrations of the tested tasks are trained on"}))
    assert line(tmp_path, "Protocol") == ("STATED", "sudoku_4x4: demonstrations of the tested tasks are trained on")
