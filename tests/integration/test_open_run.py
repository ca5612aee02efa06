"""A run opened from Python and shown by hrm-demo: the same numbers as its own test, the thoughts of every segment, published folders."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hrmlab
from hrmlab.cli import demo, evaluate
from hrmlab.core.components import call
from hrmlab.core.errors import UserError
from hrmlab.data.sudoku.task import SudokuTask
from hrmlab.evaluation.several import Several
from hrmlab.reporting.collect.kept import kept_files
from hrmlab.runs.archive import write_archive
from hrmlab.runs.directory import RunDirectory
from published_folder import released

PUZZLE = "12.4.41..14.4.21"


@pytest.fixture
def run(train_run: Callable[..., RunDirectory]) -> RunDirectory:
    return train_run("training.steps=3")


def test_an_opened_run_repeats_the_runs_own_test_example_by_example(run: RunDirectory) -> None:
    opened = hrmlab.open_run(run.path)
    test = opened.task.load(progress=False).test
    found = opened.predict(test.inputs)
    table = pd.read_parquet(run.predictions_file)
    assert [opened.decode(row) for row in found.answers.numpy()] == list(table["prediction"])
    assert [opened.decode(row) for row in test.labels] == list(table["answer"])
    np.testing.assert_array_equal((found.answers.numpy() == test.labels).all(axis=1), table["exact"])
    np.testing.assert_allclose(found.segments.numpy(), table["segments"])
    summary = run.read_json("summary.json")
    assert summary is not None
    result = opened.score(test).result
    assert {name: result[name] for name in ("count", "exact_accuracy", "cell_accuracy", "breaks_no_rule")} == {
        name: summary["test"][name] for name in ("count", "exact_accuracy", "cell_accuracy", "breaks_no_rule")
    }


def test_stopping_where_the_model_wants_gives_the_halting_answers(run: RunDirectory) -> None:
    opened = hrmlab.open_run(run.path)
    test = opened.task.load(progress=False).test
    every, stopped = opened.predict(test.inputs), opened.predict(test.inputs, stop="halting")
    assert np.array_equal(stopped.answers, every.halting_answers)
    assert np.array_equal(stopped.segments, every.segments)
    assert np.array_equal(opened.reasoning_depth(test.inputs), every.segments)
    whole, short = opened.solve(PUZZLE), opened.solve(PUZZLE, stop="halting")
    assert short.halting_segment == whole.halting_segment == len(short.answers)
    assert np.array_equal(short.answers, whole.answers[: len(short.answers)])
    assert np.array_equal(short.tokens, short.answers[-1])
    with opened.engine(slots=3, waiting=2) as engine:
        futures = [engine.submit(row) for row in test.inputs]
    assert np.array_equal(np.stack([future.result().tokens for future in futures]), stopped.answers)
    scored, both = opened.score(test, stop="halting").result, opened.score(test).result
    assert scored["stop"] == "halting"
    assert scored["exact_accuracy"] == both["halting/exact_accuracy"]
    assert scored["breaks_no_rule"] == both["halting/breaks_no_rule"]
    assert scored["mean_segments"] == both["mean_segments"]
    assert not [name for name in scored if name.startswith("halting/")]
    with pytest.raises(UserError, match=r"stop=halting gives one answer.*evaluation\.views=2"):
        opened.score(test, stop="halting", several=Several(views=2))


def test_the_loop_of_the_docs_goes_through_the_segments_that_solve_shows(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[2] / "docs/models.md").read_text(encoding="utf-8")
    loop = page.split("## Segment by segment")[1].split("```python\n")[1].split("```")[0]
    path = loop.split('open_run("')[1].split('"')[0]
    exec(loop.replace(path, str(run.path)), {})
    lines = capsys.readouterr().out.splitlines()
    opened = hrmlab.open_run(run.path)
    answers = opened.solve("1.3..41..14.4..1").answers
    assert [line.split()[:2] for line in lines] == [[str(i + 1), opened.decode(answer)] for i, answer in enumerate(answers)]


def test_one_puzzle_is_solved_with_what_was_thought_after_each_segment(run: RunDirectory) -> None:
    opened = hrmlab.open_run(run.path)
    solved = opened.solve(PUZZLE)
    assert solved.answers.shape == (opened.reasoner.max_segments, 16)
    assert opened.decode(opened.encode(PUZZLE)) == PUZZLE
    assert opened.decode(solved.tokens) == solved.text
    assert 1 <= solved.halting_segment <= opened.reasoner.max_segments
    shorter = opened.solve(opened.encode(PUZZLE), segments=2)
    np.testing.assert_array_equal(shorter.answers, solved.answers[:2])
    assert solved.right is (solved.text == "1234341221434321")
    for segments in (0, -1):
        with pytest.raises(UserError, match=f"segments={segments}"):
            opened.solve(PUZZLE, segments=segments)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (np.zeros((2, 9), np.int64), "(N, 16)"),
        (np.zeros((2, 16)), "whole numbers"),
        (np.full((1, 16), 6), "0 to 5"),
        (np.zeros((0, 16), np.int64), "at least one"),
    ],
)
def test_inputs_that_are_none_are_refused(run: RunDirectory, inputs: np.ndarray, words: str) -> None:
    with pytest.raises(UserError) as caught:
        hrmlab.open_run(run.path).predict(inputs)
    assert words in str(caught.value)


@pytest.mark.parametrize("text", ["1..4", "x" * 16, "11.............."[:15]])
def test_a_text_that_is_no_puzzle_is_refused(run: RunDirectory, text: str) -> None:
    with pytest.raises(UserError):
        hrmlab.open_run(run.path).solve(text)


@pytest.mark.slow
def test_opening_needs_neither_hydra_nor_lightning(run: RunDirectory) -> None:
    program = (
        "import sys, hrmlab\n"
        "for name in ('hydra', 'omegaconf', 'lightning'): sys.modules[name] = None\n"
        f"print(hrmlab.open_run({str(run.path)!r}).solve({PUZZLE!r}).text)\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.strip()) == 16


def test_the_demo_shows_every_segment_with_its_changes(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.command([f"run={run.path}", f"puzzle={PUZZLE}"]) == 0
    said = capsys.readouterr().out
    segments = hrmlab.open_run(run.path).reasoner.max_segments
    assert said.startswith("puzzle:\n 1  2  .  4 \n .  4  1  . \n .  1  4  . \n 4  .  2  1 \n")
    assert said.count("after segment") == segments
    assert "learned halting stops here" in said
    assert said.rstrip().splitlines()[-1] in ("right", "wrong")
    first = hrmlab.open_run(run.path).solve(PUZZLE).answers[0]
    shown = said.split("after segment 1")[1].split("\n\n")[0]
    assert shown.count("[") == (first != hrmlab.open_run(run.path).encode(PUZZLE)).sum()


def test_a_trace_shows_what_solving_did(run: RunDirectory) -> None:
    opened = hrmlab.open_run(run.path)
    found = opened.trace(PUZZLE, segments=3)
    np.testing.assert_array_equal(found.answers, opened.solve(PUZZLE, segments=3).answers)
    assert found.segments[0].cycles
    assert opened.information().parameters == sum(parameter.numel() for parameter in opened.reasoner.parameters())
    test = opened.task.load(progress=False).test
    table = pd.read_parquet(run.predictions_file)
    np.testing.assert_allclose(opened.reasoning_depth(test.inputs), table["segments"])
    with pytest.raises(UserError):
        opened.trace("1..4")
    with pytest.raises(UserError, match="segments=0"):
        opened.trace(PUZZLE, segments=0)


@pytest.mark.slow
def test_the_demo_draws(run: RunDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.command([f"run={run.path}", "count=2", "segments=2", f"figures={tmp_path / 'pictures'}"]) == 0
    said = capsys.readouterr().out
    names = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    kinds = ("attention", "q_values", "solution", "states")
    assert names == ["depth.png", *(f"puzzle_{number}_{kind}.png" for number in (1, 2) for kind in kinds)]
    assert all(f"figure: {tmp_path / 'pictures' / name}" in said for name in names)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="figures="):
        demo.command([f"run={run.path}", f"figures={tmp_path / 'file'}"])


@pytest.mark.slow
def test_a_run_of_code_goes_on_from_a_prompt(
    train_run: Callable[..., RunDirectory],
    compose_config: Callable[..., dict[str, Any]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ("data=synthetic_code", "regime.segments=2", "training.steps=2", "evaluation.limit=1", f"output_root={tmp_path / 'outputs'}")
    run = train_run(config=compose_config(*words, family="code"))
    opened, prompt = hrmlab.open_run(run.path), "def add(a: int, b: int) -> int:\n"
    written = opened.write(prompt, max_new_tokens=5)
    assert written == opened.write(prompt, segments=opened.reasoner.max_segments, max_new_tokens=5)
    assert opened.encode(prompt).shape == (opened.task.spec.sequence_length,)
    assert opened.trace(prompt, attention=()).answers.shape == (2, opened.task.spec.sequence_length)
    assert demo.command([f"run={run.path}", f"puzzle={prompt}"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"prompt:\n{prompt}")
    assert said.count("written with") == 2


def test_a_run_of_puzzles_writes_nothing(run: RunDirectory) -> None:
    with pytest.raises(UserError, match="is not to write"):
        hrmlab.open_run(run.path).write("1")


def test_the_demo_takes_files_and_the_runs_own_test(run: RunDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(f"question,answer\n{PUZZLE},1234341221434321\n")
    assert demo.command([f"run={run.path}", "count=2", "segments=1"]) == 0
    assert capsys.readouterr().out.count("after segment 1") == 2
    for words in (["puzzle=12"], ["puzzle=1", "data.path=x"], ["count=0"], ["segments=x"], ["puzzel=1"], ["data.name=maze"]):
        with pytest.raises(UserError):
            demo.command([f"run={run.path}", *words])


def test_a_published_checkpoint_opens_like_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from hrmlab.models.hrm import HRM

    task = call(SudokuTask, side=4, test_examples=6, train_examples=6, validation_examples=6)
    folder = released(tmp_path / "release", task)
    opened = hrmlab.open_run(folder, task=task)
    assert isinstance(opened.reasoner, HRM)
    assert opened.solve(PUZZLE).answers.shape == (2, 16)
    words = ["data=sudoku", "data.side=4", "data.train_examples=6", "data.validation_examples=6", "data.test_examples=6"]
    assert evaluate.command([f"run={folder}", *words]) == 0
    assert "/ 6 solved" in capsys.readouterr().out
    result = json.loads((folder / "evaluations" / "test" / "result.json").read_text())
    assert result["count"] == 6
    with pytest.raises(UserError, match="data=sudoku"):
        hrmlab.open_run(folder)
    with pytest.raises(UserError, match="sudoku_9x9"):
        hrmlab.open_run(folder, task=SudokuTask(side=9))
    (folder / "all_config.yaml").unlink()
    with pytest.raises(UserError, match=r"all_config\.yaml"):
        hrmlab.open_run(folder, task=task)


def test_a_restored_run_has_no_checkpoints_and_says_so(run: RunDirectory, tmp_path: Path) -> None:
    held = kept_files(run)
    name = run.path.relative_to(run.path.parents[4]).as_posix()
    archive = write_archive(tmp_path / "records.tar.xz", study=run.labels.study, runs={name: held})
    (restored,) = archive.restore([name], output_root=tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"holds results and no checkpoints; train the run again"):
        hrmlab.open_run(restored)
    for words, command in (([], evaluate.command), ([f"puzzle={PUZZLE}"], demo.command)):
        with pytest.raises(UserError, match=r"holds results and no checkpoints"):
            command([f"run={restored}", *words])
    table, whole = pd.read_parquet(restored / "predictions.parquet"), pd.read_parquet(run.predictions_file)
    pd.testing.assert_frame_equal(table, whole)
