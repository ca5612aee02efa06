"""hrm-audit stability on trained runs: tables, JSON, and arms that have nothing to go on from."""

import json
from collections.abc import Callable

import pytest

from hrmlab.cli import audit
from hrmlab.core.errors import UserError
from hrmlab.runs.directory import RunDirectory


@pytest.mark.slow
def test_the_tables_and_the_json_say_the_same(train_run: Callable[..., RunDirectory], capsys: pytest.CaptureFixture[str]) -> None:
    run = train_run("training.steps=2", "regime.segments=2")
    for _ in range(2):
        assert audit.command(["stability", f"run={run.path}", "beyond=3", "count=20"]) == 0
    said = capsys.readouterr().out
    found = json.loads((run.path / "evaluations" / "stability" / "result.json").read_text())
    assert (found["examples"], found["cap"], found["segments"], len(found["by_segment"])) == (20, 2, 6, 6)
    assert f"(a wrong fixed point) {found['wrong_at_rest']['count']} of 20" in " ".join(said.split())
    assert "cells left to find (solved after 2 segments)" in said
    assert found["by_left"][0]["left"] == 1
    assert (run.path / "evaluations" / "stability-2" / "result.json").read_text() == json.dumps(found, indent=2) + "\n"
    assert run.verify() == []  # an audit later is no change of the record


@pytest.mark.slow
def test_files_and_tasks_without_easier_questions(train_run: Callable[..., RunDirectory], capsys: pytest.CaptureFixture[str]) -> None:
    small = ("data=maze", "data.side=5", "regime.segments=2", "training.steps=2")
    run = train_run(*small)
    assert audit.command(["stability", f"run={run.path}", "beyond=2"]) == 0
    assert "no easier puzzles" in capsys.readouterr().out


def test_one_pass_and_bad_words_are_answered_in_a_sentence(train_run: Callable[..., RunDirectory]) -> None:
    run = train_run("training.steps=2", "model=transformer")
    with pytest.raises(UserError, match=r"\(transformer\) answers in one pass"):
        audit.command(["stability", f"run={run.path}"])
    for words in (["beyond=0"], ["count=x"], ["checkpoint=first"], []):
        with pytest.raises(UserError):
            audit.command(["stability", *([f"run={run.path}"] if words else []), *words])
