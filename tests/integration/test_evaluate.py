"""hrm-eval: every row of a user's file, with an interval, and nothing lost."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from hrmlab.cli.evaluate import command
from hrmlab.core.errors import UserError
from hrmlab.data.sudoku.generator import generate
from hrmlab.runs.directory import RunDirectory


@pytest.fixture
def run(train_run: Callable[..., RunDirectory]) -> RunDirectory:
    return train_run("training.steps=3")


@pytest.fixture
def puzzles(tmp_path: Path) -> Path:
    """37 puzzles: not a multiple of the evaluation batch of 16."""
    questions, solutions, _ = generate(37, side=4, seed=9)
    path = tmp_path / "my_puzzles.csv"
    lines = ["".join(map(str, q)).replace("0", ".") + "," + "".join(map(str, s)) for q, s in zip(questions, solutions, strict=True)]
    path.write_text("\n".join(["question,answer", *lines]) + "\n")
    return path


def test_every_row_is_scored_in_order(
    run: RunDirectory, puzzles: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("hrmlab.core.progress.FIRST_LINE_SECONDS", 0.0)
    assert command([f"run={run.path}", f"data.path={puzzles}"]) == 0
    printed, told = capsys.readouterr()
    assert re.search(r"^solving \w+ \(\d\.\d\de\+\d+ floating-point operations\): \d+ of 37", told, re.MULTILINE)
    folder = run.path / "evaluations" / "my_puzzles"
    result = json.loads((folder / "result.json").read_text())
    rows = list(csv.DictReader((folder / "predictions.csv").read_text().splitlines()))
    given = list(csv.DictReader(puzzles.read_text().splitlines()))
    assert result["count"] == len(rows) == len(given) == 37
    assert [row["input"] for row in rows] == [row["question"] for row in given]
    solved = sum(row["prediction"] == asked["answer"] for row, asked in zip(rows, given, strict=True))
    assert result["solved"] == solved == sum(row["exact"] == "True" for row in rows)
    assert f"{solved} / 37 solved" in printed
    assert "95 % interval" in printed
    low, high = result["exact_accuracy_interval"]
    assert low <= solved / 37 <= high


def test_stopping_where_the_model_wants_scores_the_answers_there(
    run: RunDirectory, puzzles: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for stop in ("segments", "halting"):
        assert command([f"run={run.path}", f"data.path={puzzles}", f"stop={stop}"]) == 0
    assert "with learned halting, in " in capsys.readouterr().out.splitlines()[-2]
    every, halting = (json.loads((run.path / f"evaluations/{name}/result.json").read_text()) for name in ("my_puzzles", "my_puzzles-2"))
    assert halting["exact_accuracy"] == every["halting/exact_accuracy"]
    assert halting["solved"] == every["halting/solved"]
    assert (halting["stop"], halting["count"]) == ("halting", 37)
    rows = list(csv.DictReader((run.path / "evaluations/my_puzzles-2/predictions.csv").read_text().splitlines()))
    both = list(csv.DictReader((run.path / "evaluations/my_puzzles/predictions.csv").read_text().splitlines()))
    assert [(row["segments"], row["exact"]) for row in rows] == [(row["segments"], row["exact_halting"]) for row in both]
    for wrong, message in (
        (["stop=early"], "stop='early' is not a choice"),
        (["stop=halting", "evaluation.views=2"], "stop=halting gives one"),
    ):
        with pytest.raises(UserError, match=message):
            command([f"run={run.path}", f"data.path={puzzles}", *wrong])


def test_a_second_evaluation_keeps_the_first(run: RunDirectory, puzzles: Path) -> None:
    for _ in range(2):
        command([f"run={run.path}", f"data.path={puzzles}", "checkpoint=last"])
    assert {folder.name for folder in (run.path / "evaluations").iterdir()} == {"my_puzzles", "my_puzzles-2"}


def test_puzzles_without_answers_get_predictions_and_no_score(run: RunDirectory, tmp_path: Path) -> None:
    path = tmp_path / "asked.csv"
    path.write_text("question\n" + "1..............2\n" * 3)
    assert command([f"run={run.path}", f"data.path={path}", "labelled=false"]) == 0
    result = json.loads((run.path / "evaluations/asked/result.json").read_text())
    assert result["count"] == 3
    assert "exact_accuracy" not in result


def test_without_a_path_the_runs_own_test_split_gives_the_runs_own_numbers(run: RunDirectory) -> None:
    command([f"run={run.path}"])
    result, summary = json.loads((run.path / "evaluations/test/result.json").read_text()), run.read_json("summary.json")
    assert summary is not None
    for name in ("count", "exact_accuracy", "cell_accuracy", "mean_segments", "halting/cell_accuracy"):
        assert result[name] == summary["test"][name]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("question,answer\n1...............,1234341221434321\n12..,1234341221434321\n", ("row 2",)),
        ("question,answer\n", ("no rows",)),
        ("puzzle,answer\n1...,1234\n", ("question",)),
    ],
)
def test_bad_rows_are_named_and_nothing_is_written(run: RunDirectory, tmp_path: Path, content: str, words: tuple[str, ...]) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(UserError) as caught:
        command([f"run={run.path}", f"data.path={path}"])
    assert all(word in str(caught.value) for word in (str(path), *words))
    assert not (run.path / "evaluations").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ("run=DIR",)),
        (["run=/nowhere"], ("/nowhere", "no such folder")),
        (["run={run}", "data.pathh=x"], ("data.pathh", "data.path")),
        (["run={run}", "chekpoint=best"], ("chekpoint", "checkpoint")),
        (["run={run}", "checkpoint=first"], ("checkpoint", "best or last")),
        (["run={run}", "data.side=9", "data.path={puzzles}"], ("sudoku_4x4", "sudoku_9x9")),
    ],
)
def test_mistakes_are_answered_in_a_sentence(run: RunDirectory, puzzles: Path, arguments: list[str], words: tuple[str, ...]) -> None:
    with pytest.raises(UserError) as caught:
        command([argument.format(run=run.path, puzzles=puzzles) for argument in arguments])
    assert all(word in str(caught.value) for word in words), str(caught.value)
