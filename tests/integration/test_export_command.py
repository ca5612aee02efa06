"""hrm-export: a run as ONNX, as a program, as weights; the documented loops answer as the run does; what 8-bit weights cost."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import hrmlab
from hrmlab.cli import export
from hrmlab.cli.command import guarded
from hrmlab.exporting.weights import read_reasoner
from hrmlab.runs.directory import RunDirectory

PAGE = (Path(__file__).parents[2] / "docs" / "export.md").read_text(encoding="utf-8")
SMALL = ("training.steps=3", "regime.segments=2", "model.h_cycles=1", "model.l_cycles=1")


@pytest.fixture
def run(train_run: Callable[..., RunDirectory]) -> RunDirectory:
    return train_run(*SMALL)


def _blocks(language: str) -> list[str]:
    return [part.split("```")[0] for part in PAGE.split(f"```{language}\n")[1:]]


@pytest.mark.slow
def test_onnx_in_the_documented_loop_answers_as_the_run_and_int8_is_measured(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    assert export.command([f"run={run.path}", "to=onnx", "weights=int8", "count=20"]) == 0
    said, folder = capsys.readouterr().out, run.path / "exports" / "onnx_int8"
    assert "the same answers" in said
    assert said.splitlines()[-1] == f"export: {folder}"
    opened = hrmlab.open_run(run.path)
    puzzles = opened.task.load(progress=False).test.inputs[:7]
    (loop,) = (block for block in _blocks("python") if "InferenceSession" in block)
    for stop, expected in ((False, opened.predict(puzzles).answers), (True, opened.predict(puzzles).halting_answers)):
        names = {"puzzles": puzzles}
        exec(loop.replace("exports/onnx/segment.onnx", str(folder / "segment.onnx")), names)
        solve: Callable[..., np.ndarray] = names["solve"]  # type: ignore[assignment]
        np.testing.assert_array_equal(solve(puzzles, halting=stop), expected.numpy())
    about, measured = (json.loads((folder / name).read_text()) for name in ("export.json", "measured.json"))
    assert (about["segments"], about["sequence_length"], about["vocabulary_size"]) == (2, 16, 6)
    rows = measured["measured"]
    assert [row["name"] for row in rows] == ["torch float32", "onnxruntime float32", "onnxruntime int8"]
    assert {row["count"] for row in rows} == {20}
    assert [row["changed"] for row in rows[:2]] == [0, 0]
    assert all(row["low"] <= row["solved"] / 20 <= row["high"] for row in rows)
    assert rows[2]["bytes"] < 0.7 * rows[1]["bytes"]
    assert str(Path(hrmlab.__file__).parent).encode() not in (folder / "segment.onnx").read_bytes()


@pytest.mark.slow
def test_a_program_runs_in_the_documented_lines_and_weights_come_back(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    opened = hrmlab.open_run(run.path)
    puzzles = opened.task.load(progress=False).test.inputs[:5]
    for to in ("torch", "safetensors"):
        assert export.command([f"run={run.path}", f"to={to}", f"out={run.path.parent / to}"]) == 0
        assert "0.0e+00 at the end; the same answers" in capsys.readouterr().out
    (loop,) = (block for block in _blocks("python") if "torch.export.load" in block)
    names = {"puzzles": puzzles}
    exec(loop.replace("exports/torch", str(run.path.parent / "torch")), names)
    np.testing.assert_array_equal(np.asarray(names["answers"]), opened.predict(puzzles).answers.numpy())
    again = read_reasoner(run.path.parent / "safetensors")
    weights = opened.reasoner.state_dict()
    assert all((tensor == weights[name]).all() for name, tensor in again.state_dict().items())


def test_what_cannot_be_exported_is_said_in_a_sentence(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    (run.path / "exports" / "torch").mkdir(parents=True)
    (run.path / "exports" / "torch" / "mine.txt").write_text("kept")
    for words, part in (
        ([f"run={run.path}"], "to= is missing; use to=onnx, to=torch, to=safetensors"),
        ([f"run={run.path}", "to=tflite"], "to='tflite' is not a choice"),
        ([f"run={run.path}", "to=torch", "weights=int8"], "weights=int8 is for to=onnx"),
        ([f"run={run.path}", "to=torch", "count=5"], "count=5 says on how many examples weights=int8"),
        ([f"run={run.path}", "to=torch"], "is there already and is not an empty folder"),
        (["to=torch"], "run=DIR is missing"),
    ):
        assert guarded(export.NAME, lambda words=words: export.command(words)) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert part in said
    assert sorted(path.name for path in (run.path / "exports").rglob("*")) == ["mine.txt", "torch"]
