"""ARC through the commands: a run, its tests and a task file of one's own scored with pictures, and a task shown in colours."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hrmlab.cli.demo import coloured, command, marked
from hrmlab.cli.evaluate import command as evaluate
from hrmlab.core.errors import UserError
from hrmlab.data.arc.grids import encode
from hrmlab.data.arc.task import ArcTask
from hrmlab.runs.directory import RunDirectory


def tasks(folder: Path) -> Path:
    """Six tasks that fill a grid with one colour."""
    folder.mkdir()
    for number in range(6):
        pairs = [{"input": [[number, cell], [cell, 0]], "output": [[number] * 2] * 2} for cell in range(1, 5)]
        (folder / f"task{number}.json").write_text(json.dumps({"train": pairs[:3], "test": pairs[3:]}))
    return folder


def test_a_run_is_scored_by_tasks_drawn_and_shown(
    tmp_path: Path, train_run: Callable[..., RunDirectory], compose_config: Callable[..., object], capsys: pytest.CaptureFixture[str]
) -> None:
    own = [f"data.{key}" for key in ("source=file", f"path={tasks(tmp_path / 'tasks')}", "grid=3", "test_tasks=2", "validation_tasks=1")]
    small = ("model=hrm", "model.puzzle_embedding_size=8", "match=non_embedding", "data=arc", *own, "training.steps=2")
    run = train_run(config=compose_config(f"output_root={tmp_path / 'outputs'}", *small, family="arc"))
    summary, data = run.read_json("summary.json") or {}, run.read_json("data.json") or {}
    assert (summary["score"], summary["test"]["count"]) == ("pass_at_2", 2)
    assert data["protocol"].startswith("the 6 demonstration pairs of the 2 tested tasks are trained on")
    assert data["palette"]["0"] == "#000000"
    assert data["overlap"]["train_test_classes"] == data["overlap"]["train_test_strings"] == 0

    assert evaluate([f"run={run.path}", "pictures=true", "trainer.accelerator=cpu", "trainer.progress_bar=false"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"/ 2 solved", out)
    assert re.search(r"pictures: .*\((\d (failed|partly|solved)(, )?)+\)", out)
    assert len(list(run.path.glob("evaluations/test/pictures/*/*.png"))) == 2

    file = tmp_path / "tasks" / "task3.json"
    assert evaluate([f"run={run.path}", f"data.path={file}", "labelled=false", "pictures=true", "trainer.accelerator=cpu"]) == 0
    assert list(run.path.glob("evaluations/*/pictures/answered/task3.png"))

    assert command([f"run={run.path}", f"puzzle={file}", "trainer.accelerator=cpu", f"figures={tmp_path / 'figures'}"]) == 0
    shown = capsys.readouterr().out
    assert "task:" in shown
    assert shown.split("figure:")[0].strip().splitlines()[-1] in ("right", "wrong")  # the file has the answer
    assert " 3  4 " in shown
    assert (tmp_path / "figures").is_dir()
    with pytest.raises(UserError, match="is no grid of at most 3 x 3 cells"):
        command([f"run={run.path}", "puzzle=0000/1111", "trainer.accelerator=cpu"])


def test_cells_are_blocks_of_their_colour_and_what_lies_beyond_is_not_shown(tmp_path: Path) -> None:
    task = ArcTask(source="file", path=str(tasks(tmp_path / "tasks")), grid=5)
    tokens, changed = encode(np.array([[0, 4]], np.uint8), 5), np.zeros(25, bool)
    changed[1] = True
    lines = coloured(task, task.to_text(tokens), changed).splitlines()
    assert len(lines) == 2
    assert "\033[97;48;2;0;0;0m  \033[0m\033[30;48;2;255;220;0m· \033[0m" in lines[0]
    assert marked(task, tokens, changed, colour=False).splitlines() == [" 0 [4] | ", " |  |  . "]
