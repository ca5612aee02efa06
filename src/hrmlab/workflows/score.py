"""Score a trained run on puzzles it was not set up with."""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import pandas as pd

from hrmlab.budget.solver import build_reasoner
from hrmlab.config.schema import Trainer
from hrmlab.core.components import build
from hrmlab.core.errors import UserError
from hrmlab.data.example_set import ExampleSet
from hrmlab.data.task import Task
from hrmlab.evaluation.summary import accuracy_by_rating, example_table
from hrmlab.models.checkpoint import BEST, LAST, load_checkpoint
from hrmlab.runs.directory import RunDirectory
from hrmlab.runs.files import write_text
from hrmlab.statistics.intervals import wilson_interval
from hrmlab.training.datamodule import TaskDataModule
from hrmlab.training.module import SegmentTraining, build_module
from hrmlab.training.process import prepare_process


@dataclass(frozen=True, kw_only=True)
class Score:
    """How a run did on a set of puzzles.

    Attributes:
        result: what result.json holds.
        folder: where result.json and predictions.csv are.
    """

    result: dict[str, Any]
    folder: Path


def score_run(
    run: RunDirectory, *, data: Mapping[str, Any], path: str | None, checkpoint: str, labelled: bool, trainer: Mapping[str, Any]
) -> Score:
    """Score every row of a file (or, without a path, of the run's own test split) with a run's weights.

    Args:
        run: a run with a checkpoint; it is only read, and gets a new folder under ``evaluations/``.
        data: the run's data section with the user's changes.
        path: the user's file; None for the test split.
        checkpoint: ``best`` or ``last``.
        labelled: whether the file has answers; without them there are predictions and no score.
        trainer: the trainer section to run under (one device).

    Raises:
        UserError: no checkpoint, a bad file or row, or puzzles of another size than the run's.
    """
    prepare_process(Trainer(**trainer))
    config = run.config
    weights = load_checkpoint(run.checkpoints / {"best": BEST, "last": LAST}[checkpoint])
    task: Task = build(data)
    trained_on = build(config["data"]).spec
    if (task.spec.sequence_length, task.spec.vocabulary_size) != (trained_on.sequence_length, trained_on.vocabulary_size):
        raise UserError(
            f"the run was trained on {trained_on.name} ({trained_on.sequence_length} cells, {trained_on.vocabulary_size} tokens), data is "
            f"{task.spec.name} ({task.spec.sequence_length} cells, {task.spec.vocabulary_size} tokens); give puzzles of the run's own size"
        )
    examples = task.read(path, labelled=labelled) if path is not None else task.load(progress=trainer["progress_bar"]).test
    module = loaded_module(config, task, weights)
    table = _solve(module, task, examples, config, trainer)
    result = _result(module, table, run=run, path=path, checkpoint=checkpoint, step=weights["global_step"], labelled=labelled)
    folder = new_folder(run, path)
    run.write_json(str((folder / "result.json").relative_to(run.path)), result)
    _write_predictions(table, folder / "predictions.csv", labelled=labelled)
    return Score(result=result, folder=folder)


def loaded_module(config: Mapping[str, Any], task: Task, weights: Mapping[str, Any]) -> SegmentTraining:
    """The module of a run with the weights of a checkpoint.

    Raises:
        UserError: the two do not fit each other.
    """
    reasoner, _ = build_reasoner(model=config["model"], task=task.spec, size=config["size"], match=config["match"], seed=config["seed"])
    module = build_module(config, reasoner=reasoner, task=task, batch_size=config["training"]["batch_size"])
    try:
        module.load_state_dict(weights["state_dict"])
    except RuntimeError as error:
        detail = str(error).splitlines()[-1].strip()
        raise UserError(f"the checkpoint does not fit the run's config.yaml ({detail}); was one of them changed since training?") from None
    return module


def _solve(
    module: SegmentTraining, task: Task, examples: ExampleSet, config: Mapping[str, Any], trainer: Mapping[str, Any]
) -> pd.DataFrame:
    data = TaskDataModule(task=task, seed=config["seed"], evaluation_batch_size=config["training"]["evaluation_batch_size"])
    lightning = pl.Trainer(
        accelerator=trainer["accelerator"],
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=trainer["progress_bar"],
    )
    lightning.test(module, dataloaders=data.evaluation_loader(examples), verbose=False)
    return example_table(module.recorder.columns(), examples, task)


def _result(
    module: SegmentTraining, table: pd.DataFrame, *, run: RunDirectory, path: str | None, checkpoint: str, step: int, labelled: bool
) -> dict[str, Any]:
    result: dict[str, Any] = {
        "run": run.hash,
        "data": path or "the run's test split",
        "checkpoint": {"name": checkpoint, "step": step},
        "count": len(table),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    if not labelled:
        return {**result, "mean_segments": module.split_metrics["mean_segments"]}
    for prefix, column in (("", "exact"), ("halting/", "exact_halting")):
        solved = int(np.asarray(table[column]).sum())
        interval = wilson_interval(solved, len(table))
        assert interval is not None
        result |= {f"{prefix}solved": solved, f"{prefix}exact_accuracy_interval": [interval.low, interval.high]}
    return {**result, **module.split_metrics, "by_rating": accuracy_by_rating(table)}


def new_folder(run: RunDirectory, path: str | None) -> Path:
    """A folder of its own for every evaluation; earlier ones stay."""
    stem = re.sub(r"[^A-Za-z0-9_.-]", "_", Path(path).name.removesuffix(".gz").removesuffix(".csv")) if path else "test"
    for number in range(1, 10_000):
        folder = run.path / "evaluations" / (stem if number == 1 else f"{stem}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise UserError(f"{run.path / 'evaluations'} holds too many evaluations of {stem}; move some away")


def _write_predictions(table: pd.DataFrame, path: Path, *, labelled: bool) -> None:
    """One line per row of the file, in its order; row numbers count from 1."""
    columns = ["input", "prediction", "segments"] + (["exact", "exact_halting", "cell_accuracy", "rating", "source"] if labelled else [])
    lines: list[str] = []

    class _Lines:
        def write(self, text: str) -> None:
            lines.append(text)

    writer = csv.writer(_Lines())
    writer.writerow(["row", *columns])
    for row, *values in zip(np.asarray(table["index"]), *(table[name] for name in columns), strict=True):
        writer.writerow([int(row) + 1, *values])
    write_text(path, "".join(lines))
