"""The best trial is chosen by what its validation examples can tell."""

import json
from pathlib import Path

import pytest

from hrmlab.reporting.collect.records import RunRecord, read_record
from hrmlab.sweeping.choosing import best, score
from run_factory import make_run


def trial(root: Path, number: int, *, exact: float, cells: float, rules: float | None = None, examples: int = 500) -> list[RunRecord]:
    run = make_run(root, seed=number, data={"splits": {"validation": {"count": examples}}})
    summary = run.read_json("summary.json") or {}
    summary["validation"] |= {"exact_accuracy": exact, "cell_accuracy": cells, "breaks_no_rule": exact if rules is None else rules}
    (run.path / "summary.json").write_text(json.dumps(summary))
    return [read_record(run, output_root=root)]


def test_what_differs_by_more_than_chance_decides(tmp_path: Path) -> None:
    trials = [trial(tmp_path, 0, exact=0.62, cells=0.99), trial(tmp_path, 1, exact=0.71, cells=0.9)]
    assert best(trials) == 1
    assert score(trials[1]) == pytest.approx(0.71)


def test_two_answers_among_500_do_not(tmp_path: Path) -> None:
    """7 against 5 puzzles of 500 is no difference; 77 against 72 % of their cells is one."""
    trials = [
        trial(tmp_path, 0, exact=0.014, cells=0.722),
        trial(tmp_path, 1, exact=0.010, cells=0.77),
        trial(tmp_path, 2, exact=0.0, cells=0.9),
    ]
    assert best(trials) == 1


def test_of_equals_the_best_value_is_taken(tmp_path: Path) -> None:
    trials = [trial(tmp_path, 0, exact=0.122, cells=0.927), trial(tmp_path, 1, exact=0.114, cells=0.928)]
    assert best(trials) == 0
    assert best([[], []]) is None
