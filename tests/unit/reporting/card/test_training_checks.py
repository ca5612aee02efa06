"""The card's lines about what was drawn, chosen and tuned."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from hrmlab.reporting.card.fairness import fairness_card
from hrmlab.reporting.collect.gather import collect
from hrmlab.reporting.tables.costs import BUSY, busy_note, cost_table
from hrmlab.workflows.launch import result_line
from run_factory import make_run


def card(root: Path) -> dict[str, tuple[str, str]]:
    return {check.name: (check.status, check.detail) for check in fairness_card(collect(study="quick", output_root=root))}


def pair(root: Path, **second: Any) -> None:
    for seed in range(2):
        make_run(root, arm="hrm", seed=seed)
        make_run(root, arm="transformer", seed=seed, **second)


def changed(root: Path, arm: str, **training: Any) -> None:
    """Other training totals in the summaries of an arm; None takes one away."""
    for path in (root / "quick").rglob("summary.json"):
        if f"/{arm}/" in str(path):
            summary = json.loads(path.read_text())
            summary["training"] = {key: value for key, value in {**summary["training"], **training}.items() if value is not None}
            path.write_text(json.dumps(summary))


def test_the_order_is_equal_as_far_as_all_arms_drew(tmp_path: Path) -> None:
    pair(tmp_path)
    status, detail = card(tmp_path)["Same example order"]
    assert status == "STATED"
    assert "sudoku_4x4: the first 36,571 (hrm 36,571, transformer 128,000)" in detail
    changed(tmp_path, "transformer", examples_drawn=36571)
    assert card(tmp_path)["Same example order"][0] == "OK"
    changed(tmp_path, "transformer", examples_drawn=None)
    assert card(tmp_path)["Same example order"][0] == "WARNING"
    assert card(tmp_path)["Exposures per example"][0] == "WARNING"


def test_a_curriculum_is_named_where_it_makes_the_order(tmp_path: Path) -> None:
    training = {"steps": 2000, "batch_size": 64, "curriculum_share": 0.5}
    for seed in range(2):
        for arm in ("hrm", "transformer"):
            make_run(tmp_path / "both", arm=arm, seed=seed, config={"training": training})
    changed(tmp_path / "both", "transformer", examples_drawn=36571)
    status, detail = card(tmp_path / "both")["Same example order"]
    assert status == "STATED"
    assert "depends on the step at which an arm draws it" in detail
    pair(tmp_path / "one", data={"order_hash": "other"}, config={"training": training})
    status, detail = card(tmp_path / "one")["Same example order"]
    assert status == "WARNING"
    assert "different orders on sudoku_4x4 (training.curriculum_share differs between arms)" in detail
    assert "training.curriculum_share" in card(tmp_path / "one")["Equal training settings"][1]


def test_exposures_are_draws_over_distinct_examples(tmp_path: Path) -> None:
    pair(tmp_path)
    assert card(tmp_path)["Exposures per example"] == (
        "STATED",
        "examples drawn / distinct training examples: sudoku_4x4: hrm 36.6, transformer 128",
    )


def test_selection_counts_the_validations_that_each_arm_chose_among(tmp_path: Path) -> None:
    pair(tmp_path)
    status, detail = card(tmp_path)["Selection"]
    assert status == "OK"
    assert "best exact accuracy on the validation split" in detail
    assert "sudoku_4x4 40, the same for all arms" in detail


def test_a_checkpoint_chosen_on_the_test_split_is_a_warning(tmp_path: Path) -> None:
    pair(tmp_path)
    for path in (tmp_path / "quick").rglob("data.json"):
        data = json.loads(path.read_text())
        data["splits"]["test"]["content_hash"] = data["splits"]["validation"]["content_hash"] = "0123"
        path.write_text(json.dumps(data))
    status, detail = card(tmp_path)["Selection"]
    assert status == "WARNING"
    assert "on sudoku_4x4 the test split is the validation split, so that the checkpoint was chosen on what is reported" in detail


def test_a_measure_that_stays_at_0_chose_nothing(tmp_path: Path) -> None:
    pair(tmp_path)
    for path in (tmp_path / "quick").rglob("metrics.csv"):
        path.write_text(re.sub(r"val/exact_accuracy,.*", "val/exact_accuracy,0.0", path.read_text()))
    assert "on sudoku_4x4 that was 0 at every validation, so that the next measure decided among equals" in card(tmp_path)["Selection"][1]


def test_unequal_numbers_of_validations_are_a_warning(tmp_path: Path) -> None:
    pair(tmp_path, rows=20)
    status, detail = card(tmp_path)["Selection"]
    assert status == "WARNING"
    assert "hrm 40, transformer 20, unequal on sudoku_4x4" in detail


@pytest.mark.parametrize(
    ("ours", "theirs", "status", "words"),
    [
        (None, None, "STATED", "not recorded"),
        (
            {"trials": 3, "values": [0.001, 0.002]},
            {"trials": 3, "values": [0.001]},
            "STATED",
            "hrm learning rate 0.001 (values 0.001/0.002); transformer learning rate 0.001 (values 0.001); for all: trials 3",
        ),
        (
            {"file": "tuned.yaml", "selection": "the best", "trials": 3, "at_the_edge": []},
            {"file": "tuned.yaml", "selection": "the best", "trials": 3, "at_the_edge": ["lr"]},
            "STATED",
            "hrm learning rate 0.001; transformer learning rate 0.001 (at the edge lr); for all: file tuned.yaml, trials 3",
        ),
        ({"trials": 3}, {"trials": 1}, "WARNING", "transformer learning rate 0.001 (trials 1)"),
        ({"trials": 3}, None, "WARNING", "transformer learning rate 0.001 (not recorded)"),
    ],
)
def test_tuning_is_said_where_it_was_recorded(tmp_path: Path, ours: Any, theirs: Any, status: str, words: str) -> None:
    for arm, tuning in (("hrm", ours), ("transformer", theirs)):
        make_run(tmp_path, arm=arm, config={"tuning": tuning} if tuning else {})
    found = card(tmp_path)["Learning-rate tuning"]
    assert found[0] == status
    assert words in found[1]


@pytest.mark.parametrize(
    ("load", "note"),
    [
        (0.02, ""),
        (0.3, f"{BUSY}: not to be compared, because other processes kept up to 30 % of the cores busy."),
        (None, f"{BUSY}: not to be compared, because the load by other processes was not recorded."),
    ],
)
def test_times_of_a_busy_machine_are_marked(tmp_path: Path, load: float | None, note: str) -> None:
    make_run(tmp_path, other_load=load)
    study = collect(study="quick", output_root=tmp_path)
    assert busy_note(study) == note
    row = dict(zip(cost_table(study).columns, cost_table(study).rows[0], strict=True))
    assert (BUSY in row["Wall time"]) == (BUSY in row["Examples/s"]) == bool(note)
    assert ("Processor time" in row) == (load is not None)


def test_how_much_of_a_gpu_was_used_is_a_column_where_it_is_known(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert "Model FLOP utilisation" not in cost_table(collect(study="quick", output_root=tmp_path)).columns
    summary = json.loads((run.path / "summary.json").read_text())
    summary["training"]["model_flops_utilisation"] = 0.4321
    (run.path / "summary.json").write_text(json.dumps(summary))
    assert "43.2 % model FLOP utilisation" in result_line(run, summary)
    table = cost_table(collect(study="quick", output_root=tmp_path))
    assert dict(zip(table.columns, table.rows[0], strict=True))["Model FLOP utilisation"] == "43.2 %"
