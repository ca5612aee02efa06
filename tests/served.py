"""Runs that are served for tests: tiny, untrained, with weights that make them stop at different segments; and a server on loopback."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
import uvicorn

from hrmlab.core.components import call
from hrmlab.data.arc.task import ArcTask
from hrmlab.data.code.synthetic.task import SyntheticCodeTask
from hrmlab.data.custom.task import CustomTask
from hrmlab.data.maze.task import MazeTask
from hrmlab.data.sudoku.task import SudokuTask
from hrmlab.data.task import Task
from hrmlab.models.hrm import HRM
from hrmlab.models.transformer import Transformer
from hrmlab.runs.directory import RunDirectory
from hrmlab.runs.identity import RunLabels
from hrmlab.serving.application import Access, create_application
from hrmlab.serving.catalogue import Catalogue
from hrmlab.serving.limits import Limits
from hrmlab.serving.server import address_of, connection_class, listening
from hrmlab.serving.studies import StudyShelf
from hrmlab.workflows.opened import OpenedRun

SHAPE: dict[str, Any] = {"hidden_size": 32, "num_heads": 2, "mlp_width": 40}
HRM_SHAPE: dict[str, Any] = {**SHAPE, "h_layers": 1, "l_layers": 1, "h_cycles": 2, "l_cycles": 2, "max_segments": 4}
SMALL: dict[str, Any] = {"train_examples": 12, "validation_examples": 8, "test_examples": 24}


def opened_run(root: Path, task: Task, arm: str) -> OpenedRun:
    """An untrained HRM or transformer on a task, with a run directory."""
    torch.manual_seed(0)
    reasoner = call(HRM, task=task.spec, **HRM_SHAPE) if arm == "hrm" else call(Transformer, task=task.spec, layers=2, **SHAPE)
    with torch.no_grad():
        for parameter in reasoner.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)  # halting heads start at zero
    labels = RunLabels(study="served", task=task.spec.name, arm=arm, size="nano", seed=0)
    run = RunDirectory.create(output_root=root / "outputs", labels=labels, config={"model": {"name": arm}}, overrides=[])
    return OpenedRun(task=task, reasoner=reasoner, precision="fp32", likelihood="softmax", device=torch.device("cpu"), step=0, run=run)


def sudoku() -> Task:
    return call(SudokuTask, side=4, **SMALL)


def maze() -> Task:
    return call(MazeTask, side=5, **SMALL)


def code() -> Task:
    sizes = {"train_examples": 60, "validation_examples": 6, "test_examples": 6}
    return call(SyntheticCodeTask, families=["integers"], sequence_length=320, layout="padded", **sizes)


def arc(folder: Path) -> Task:
    """Six tasks that fill a grid with one colour; some grids are smaller than the largest."""
    folder.mkdir()
    for number in range(6):
        sides = (2, 3, 2, 3)
        pairs = [{"input": [[(number + cell + row) % 10] * side for row in range(side)], "output": [[number] * side] * side}
                 for cell, side in enumerate(sides)]  # fmt: skip
        (folder / f"task{number}.json").write_text(json.dumps({"train": pairs[:3], "test": pairs[3:]}))
    return call(ArcTask, source="file", path=str(folder), grid=4, augmentations=2, test_tasks=2, validation_tasks=1)


def custom(file: Path) -> Task:
    """Grids of 2 rows and 3 columns whose answer is each token plus one, modulo 5; a puzzle id tells nothing."""
    grids = [[[(number * 7 + 3 * row + column * (number + 1)) % 5 for column in range(3)] for row in range(2)] for number in range(30)]
    rows = [{"input": grid, "output": [[(token + 1) % 5 for token in row] for row in grid], "puzzle_id": place % 2}
            for place, grid in enumerate(grids)]  # fmt: skip
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return call(CustomTask, path=str(file), vocabulary_size=12)


def catalogue_of(root: Path, tasks: Sequence[Task], limits: Limits) -> Catalogue:
    """An HRM and a transformer on each task, at work."""
    runs = [opened_run(root, task, arm) for task in tasks for arm in ("hrm", "transformer")]
    made = Catalogue(runs, roles=["subject", "baseline"] * len(tasks), limits=limits)
    made.start()
    return made


@contextlib.contextmanager
def serving(catalogue: Catalogue, root: Path, *, limits: Limits, access: Access | None = None) -> Iterator[str]:
    """A server in a thread of this process; its address, without a slash at the end."""
    shelf = StudyShelf(reports_root=root / "reports", output_root=root / "outputs")
    listener = listening("127.0.0.1", 0)
    app = create_application(catalogue, limits=limits, shelf=shelf, access=access or Access())
    server = uvicorn.Server(uvicorn.Config(app, http=connection_class(limits), ws="none", lifespan="on", log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield address_of(listener).rstrip("/")
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()
