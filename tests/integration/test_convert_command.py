"""hrm-convert: a published checkpoint becomes a run that works like one, a run a checkpoint that opens, and what does not fit is named."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import hrmlab
from hrmlab.cli import convert, demo, evaluate, train
from hrmlab.core.batches import Batch
from hrmlab.core.components import call
from hrmlab.core.errors import UserError
from hrmlab.data.sudoku.task import SudokuTask
from hrmlab.runs.directory import RunDirectory
from published_folder import released

DATA = ["data=sudoku", "data.side=4", "data.train_examples=6", "data.validation_examples=6", "data.test_examples=6"]
PUZZLE = "12.4.41..14.4.21"


@pytest.fixture
def task() -> SudokuTask:
    return call(SudokuTask, side=4, test_examples=6, train_examples=6, validation_examples=6)


def test_a_published_checkpoint_becomes_a_run(task: SudokuTask, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = released(tmp_path / "release", task, puzzle_ids=1)
    words = [f"published={folder}", *DATA, f"output_root={tmp_path / 'outputs'}"]
    assert convert.command([*words, "arm=theirs"]) == 0
    path = Path(capsys.readouterr().out.removeprefix("run directory: ").strip())
    assert path.parts[-6:-1] == ("published", "sudoku_4x4", "theirs", "published", "seed=0")
    opened, original = hrmlab.open_run(path), hrmlab.open_run(folder, task=task)
    assert opened.step == 12
    for name, tensor in original.reasoner.state_dict().items():
        assert torch.equal(opened.reasoner.state_dict()[name], tensor)
    inputs = task.load(progress=False).test.inputs
    np.testing.assert_array_equal(opened.predict(inputs).answers_by_segment, original.predict(inputs).answers_by_segment)
    assert evaluate.command([f"run={path}"]) == 0
    assert "/ 6 solved" in capsys.readouterr().out
    assert demo.command([f"run={path}", f"puzzle={PUZZLE}"]) == 0
    assert json.loads((path / "converted.json").read_text())["from"] == "release"
    assert json.loads((path / "budget.json").read_text())["gap"] == 0
    with pytest.raises(UserError, match="converted from a published checkpoint"):
        train.command([f"resume={path}"])
    with pytest.raises(UserError, match="run directory already"):
        convert.command([f"published={path}", *DATA])


def test_what_does_not_fit_is_named(task: SudokuTask, tmp_path: Path) -> None:
    outputs = f"output_root={tmp_path / 'outputs'}"
    with pytest.raises(UserError, match=r"embedding\.puzzle\.weight \(\(3, 16\) .* \(1, 16\) for sudoku_4x4"):
        convert.command([f"published={released(tmp_path / 'three', task)}", *DATA, outputs])
    folder = released(tmp_path / "torn", task, puzzle_ids=1)
    state = torch.load(folder / "step_12", weights_only=True)
    del state["_orig_mod.model.inner.L_level.layers.0.mlp.down_proj.weight"]
    torch.save(state, folder / "step_12")
    with pytest.raises(UserError, match=r"missing \['l_level\.blocks\.0\.mlp\.down\.weight'\]"):
        convert.command([f"published={folder}", *DATA, outputs])
    with pytest.raises(UserError, match="81"):
        convert.command([f"published={released(tmp_path / 'small', task)}", "data=sudoku", outputs])
    assert not (tmp_path / "outputs").exists()


def test_a_run_becomes_a_checkpoint_and_comes_back(
    train_run: Callable[..., RunDirectory], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train_run("training.steps=3", "training.precision=fp32")
    assert convert.command([f"run={run.path}", f"to={tmp_path / 'release'}"]) == 0
    assert "the release knows multiples of 256" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "release").iterdir()) == ["all_config.yaml", "step_3.safetensors"]
    opened = hrmlab.open_run(run.path)
    again = hrmlab.open_run(tmp_path / "release", task=opened.task)
    inputs = torch.from_numpy(opened.task.load(progress=False).test.inputs).long()
    batch = Batch(inputs, inputs, torch.zeros(len(inputs), dtype=torch.int64))
    one, two = opened.reasoner.double(), again.reasoner.double()  # wider sums round differently, and recurrence makes it grow
    carry, other = one.initial_carry(len(inputs)), two.initial_carry(len(inputs))
    for _ in range(2):
        with torch.no_grad():
            (carry, said), (other, repeated) = one(carry, batch), two(other, batch)
        torch.testing.assert_close(repeated.logits, said.logits, atol=1e-5, rtol=1e-5)
    with pytest.raises(UserError, match="not an empty folder"):
        convert.command([f"run={run.path}", f"to={tmp_path / 'release'}"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["data=sudoku"], "give one of published"),
        (["published=x", "run=y"], "give one of published"),
        (["published=x"], "needs data="),
        (["run=x"], "needs to="),
        (["run=x", "to=y", "arm=z"], "arm does not go with run="),
        (["run=x", "to=y", "data.side=4"], "data.side does not go with run="),
        (["published=x", "data=sudoku", "checkpoint=best"], "checkpoint does not go with published="),
        (["run=x", "to=y", "checkpoint=first"], "best or last"),
        (["run=nowhere", "to=y"], "not a run directory"),
        (["run=x", "to=hf"], "to=hf and out=FOLDER go together"),
        (["hf=x", "published=y"], "give one of published"),
        (["hf=x", "checkpoint=best"], "checkpoint does not go with hf="),
    ],
)
def test_words_that_do_not_go_together(words: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        convert.command(words)


def test_without_transformers_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("hrmlab.hugging_face") or name == "hrmlab.workflows.hugging_face"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "transformers", None)
    for words in (["run=x", "to=hf", "out=y"], ["hf=x"]):
        with pytest.raises(UserError, match=r"needs the package 'transformers'.* pip install 'hrmlab\[hf\]'"):
            convert.command(words)
