"""hrm-eval: scores a run on every row of a file of the user's own, or again on its test split."""

from collections.abc import Sequence
from typing import Any

from hrmlab.cli.command import run_command
from hrmlab.cli.evaluate_code import evaluation_settings, is_code, rescore_generations, show
from hrmlab.core.errors import UserError

NAME = "hrm-eval"
_HELP = """\
Scores a trained run on every row of a file: prints solved / total with a 95 % interval, writes each puzzle's prediction.
A run of a code task writes programs, which are run in the sandbox; saved programs are scored again without a model.

Usage: hrm-eval run=RUN_DIRECTORY [data.path=FILE] [KEY=VALUE ...]
       hrm-eval run=RUN_DIRECTORY evaluation=humaneval [evaluation.KEY=VALUE ...]
       hrm-eval generations=FILE  evaluation=humaneval [evaluation.KEY=VALUE ...]

  run=DIR                  a run directory (outputs/<study>/<task>/<arm>/<size>/seed=<n>/<hash>)
  data.path=FILE           your puzzles, in a format of the run's task (CSV with question, answer); without it: the run's test split
  data.KEY=VALUE           any other key of the run's data section, for example data.check_unique=true
  checkpoint=best|last     which weights (default: the ones the run's own test used)
  labelled=true|false      false: the file has no answers; there are predictions and no score (default true)
  trainer.accelerator=cpu|gpu|auto   trainer.threads=N   trainer.progress_bar=true|false
  evaluation=CHOICE        code: own (the run's test problems), humaneval, humaneval_plus, mbpp, file
  evaluation.KEY=VALUE     code: samples=10 temperature=0.8 top_p=0.95 ks=[1,10] limit=20 path=FILE ... (conf/evaluation/own.yaml)
  generations=FILE         code: score saved completions (JSON Lines with task_id and completion) instead of a run

Writes RUN_DIRECTORY/evaluations/<file>/result.json and predictions.csv; for code every completion with its verdict.

Examples:
  hrm-eval run=outputs/quick/sudoku_4x4_easy/hrm/nano/seed=0/1a2b3c4d data.path=my_puzzles.csv
  hrm-eval run=outputs/code_quick/.../seed=0/1a2b3c4d evaluation=humaneval evaluation.samples=10 evaluation.temperature=0.8
"""
_OWN = ("run", "checkpoint", "labelled", "evaluation", "generations")
_TRAINER = ("accelerator", "threads", "progress_bar")


def main() -> None:
    """The console command."""
    run_command(NAME, command)


def command(arguments: Sequence[str]) -> int:
    """Score and say how it went; the exit code."""
    if any(argument in ("-h", "--help") for argument in arguments):
        print(_HELP, end="")
        return 0
    own, changes = parse(arguments)
    if "generations" in own:
        return rescore_generations(
            own["generations"],
            run=own.get("run"),
            settings=evaluation_settings(own.get("evaluation", "own"), {}, changes["evaluation"]),
            progress=changes["trainer"].get("progress_bar", True),
        )
    if "run" not in own:
        raise UserError("run=DIR is missing; give a run directory, for example outputs/quick/.../seed=0/1a2b3c4d")
    from hrmlab.config.validation import validate
    from hrmlab.runs.directory import RunDirectory

    run = RunDirectory.open(own["run"])
    config = validate(run.config)
    checkpoint: str = own.get("checkpoint") or config["training"]["evaluate"]
    data, trainer = (
        {**config["data"], **changes["data"]},
        {**config["trainer"], "threads": None, "devices": 1, "accelerator": "auto", **changes["trainer"]},
    )
    if is_code(data):
        if "path" in changes["data"]:
            raise UserError(
                f"data.path={changes['data']['path']} is for puzzles; {run.path} writes code: give evaluation=file evaluation.path=FILE "
                "(JSON Lines with HumanEval's fields)"
            )
        settings = evaluation_settings(own.get("evaluation"), config["evaluation"], changes["evaluation"])
        checked = validate({**config, "data": data, "trainer": trainer})
        from hrmlab.workflows.score_code import score_run_on_code

        show(*score_run_on_code(run, data=checked["data"], settings=settings, checkpoint=checkpoint, trainer=checked["trainer"]))
        return 0
    if own.get("evaluation") is not None or changes["evaluation"]:
        raise UserError(f"evaluation={own.get('evaluation', '...')} is for code; {run.path} was trained on {config['data']['name']}")
    path = data.get("path") if "path" in changes["data"] else None
    if path is not None and "source" in data:
        # The run's own split files are not part of the question, and a tier only chooses among generated puzzles.
        data |= {"source": "file"} | {key: None for key in ("validation_path", "test_path", "hub_name", "difficulty") if key in data}
    checked = validate({**config, "data": data, "trainer": trainer})

    from hrmlab.workflows.score import score_run

    score = score_run(
        run,
        data=checked["data"],
        path=path,
        checkpoint=checkpoint,
        labelled=own.get("labelled", "true") == "true",
        trainer=checked["trainer"],
    )
    print(sentence(score.result))
    print(f"predictions: {score.folder / 'predictions.csv'}")
    return 0


def parse(arguments: Sequence[str]) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """The command's own keys, and changes to the data, trainer and evaluation sections.

    Raises:
        UserError: not key=value, an unknown key, or a value that the key does not take.
    """
    from hrmlab.config.values import nearest

    own: dict[str, str] = {}
    changes: dict[str, dict[str, Any]] = {"data": {}, "trainer": {}, "evaluation": {}}
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not equals:
            raise UserError(f"{argument!r} is not KEY=VALUE; hrm-eval --help shows the keys")
        section, _, name = key.partition(".")
        if key in _OWN:
            own[key] = value
        elif section == "data" and name:
            changes["data"][name] = value if name.endswith("path") else _value(key, value)
        elif section == "evaluation" and name:
            changes["evaluation"][name] = value if name in ("path", "hub_name") else _value(key, value)
        elif section == "trainer" and name in _TRAINER:
            changes["trainer"][name] = _value(key, value)
        else:
            known = [*_OWN, "data.path", *(f"trainer.{name}" for name in _TRAINER)]
            guess = nearest(key, known)
            raise UserError(
                f"unknown key {key!r}{f'; did you mean {guess!r}?' if guess else ''}; keys are {', '.join(known)}, data.* and evaluation.*"
            )
    for key, choices in (("checkpoint", ("best", "last")), ("labelled", ("true", "false"))):
        if own.get(key, choices[0]) not in choices:
            raise UserError(f"{key}={own[key]!r} is not a choice; use {' or '.join(choices)}")
    return own, changes


def _value(key: str, text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise UserError(f"{key}={text} cannot be read as a value; quote it: '{key}=\"...\"'") from None


def sentence(result: dict[str, Any]) -> str:
    """The score in one line."""
    if "solved" not in result:
        return f"{result['count']} puzzles answered (no answers to compare with)"

    def part(prefix: str) -> str:
        low, high = result[f"{prefix}exact_accuracy_interval"]
        solved = result[f"{prefix}solved"]
        return f"{solved} / {result['count']} solved ({solved / result['count']:.2%}, 95 % interval {low:.2%} to {high:.2%})"

    return f"{part('')}; with learned halting {part('halting/')} in {result['mean_segments']:.1f} segments"


if __name__ == "__main__":
    main()
