"""hrm-audit: asks of models, data and results what would make a comparison worthless. Exit code 1 where something leaks."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hrmlab.cli.arguments import SentenceParser, key_values
from hrmlab.cli.command import run_command
from hrmlab.core.errors import UserError

if TYPE_CHECKING:
    from hrmlab.config.configuration import Configuration

NAME = "hrm-audit"
_HELP = """\
Looks for what would make a comparison worthless. One line for each finding; exit code 1 where something leaks, 0 where nothing does.

Usage: hrm-audit causality     [GROUP=CHOICE,CHOICE ...] [KEY=VALUE ...]
       hrm-audit contamination [GROUP=CHOICE,CHOICE ...] [KEY=VALUE ...]
       hrm-audit copying run=RUN_DIRECTORY
       hrm-audit stability run=RUN_DIRECTORY [data.path=FILE] [beyond=4] [count=500]

  causality      does changing a token change any logit, halting score or state before it? Every position, segment and cycle is tried
  contamination  does the training text hold problems or solutions of an evaluation set (exact, equal syntax tree, 13 tokens in a row)?
  copying        how much of what a run wrote is copied from what it read, beside the scores that copying would get
  stability      does a run with segments keep a right answer when it goes on to beyond= times the segments of training, does it rest at
                 wrong ones, and does it solve easier questions, down to one cell? Of count= examples of the test split or of a file;
                 also written to RUN_DIRECTORY/evaluations/stability/result.json. checkpoint=, data.KEY=, trainer.KEY= as in hrm-eval

Keys and groups of the first two are those of hrm-train, and so is --config-dir DIR for arms and tasks of your own; several values of one
key are tried one after the other.

Examples:
  hrm-audit causality model=hrm,transformer data=synthetic_code
  hrm-audit contamination data=synthetic_code data.python_functions=2000 evaluation=humaneval
  hrm-audit stability run=outputs/quick/sudoku_4x4_easy/hrm/nano/seed=0/1a2b3c4d
  hrm-audit copying run=outputs/code_quick/synthetic_code/hrm/nano/seed=0/1a2b3c4d
"""
_KINDS = ("causality", "contamination", "copying", "stability")


def main() -> None:
    """The console command."""
    run_command(NAME, command)


def command(arguments: Sequence[str]) -> int:
    """Audit and say what was found; the exit code."""
    if not arguments or any(argument in ("-h", "--help") for argument in arguments):
        print(_HELP, end="")
        return 0 if arguments else 2
    kind, *overrides = arguments
    if kind not in _KINDS:
        from hrmlab.config.values import nearest

        guess = nearest(kind, _KINDS)
        raise UserError(f"{kind!r} is no audit; " + (f"did you mean {guess}? " if guess else "") + f"audits are {', '.join(_KINDS)}")
    if kind == "copying":
        return _copying(overrides)
    if kind == "stability":
        from hrmlab.cli.stability import stability

        return stability(overrides)
    from hrmlab.config.composition import composer
    from hrmlab.config.grid import expand

    flags = _flags(overrides)
    overrides = flags.overrides
    with composer([flags.config_dir] if flags.config_dir else []) as composing:
        configurations = [composing.compose(job).config for job in expand(composing, overrides, composing.plan(overrides))]
    body = _causality if kind == "causality" else _contamination
    seen: set[str] = set()
    leaks = [body(config, seen) for config in configurations]
    return int(any(leaks))


def _flags(arguments: Sequence[str]) -> Namespace:
    parser = SentenceParser(NAME, add_help=False, allow_abbrev=False)
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--config-dir")
    return parser.parse_intermixed_args(list(arguments))


def _causality(config: "Configuration", seen: set[str]) -> bool:
    """Audit one model on one task; whether it leaks."""
    from hrmlab.audits.causality import audit_causality
    from hrmlab.workflows.building import reasoner_of

    task = config.data.build()
    label = f"model={config.arm or config.model.name} data={task.spec.name} attention={task.spec.attention} size={config.size.name}"
    identity = f"{config.model} {config.data} {config.size} {config.match}"
    if identity in seen:  # seeds and training settings make no other model
        return False
    seen.add(identity)
    if not task.spec.next_token:
        print(f"{label}: not applicable: the labels are not the next tokens, so there is no future to see", flush=True)
        return False
    found = audit_causality(reasoner_of(config, task)[0])
    for leak in found.leaks:
        print(f"{label}: LEAKS: {leak.sentence()}", flush=True)
    if not found.leaks:
        print(
            f"{label}: causal: {found.positions} positions, {found.segments} segments, {found.applications} cycles in each: no logit, "
            "halting score or state depends on a later token",
            flush=True,
        )
    return bool(found.leaks)


def _contamination(config: "Configuration", seen: set[str]) -> bool:
    """Audit the training text of one task; whether an evaluation set is in it."""
    from hrmlab.evaluation.code.scoring import problem_sets
    from hrmlab.workflows.prepare import contamination_of

    label = f"data={config.data.name} evaluation={config.evaluation.name}"
    identity = f"{config.data} {config.evaluation}"
    if identity in seen:
        return False
    seen.add(identity)
    written = config.data.build().written()
    if written is None:
        raise UserError(
            f"data={config.data.name} has no texts to compare; its splits are compared by symmetry class in every run (data.json). "
            "Contamination is for code: data=synthetic_code or data=python_functions"
        )
    found = contamination_of(written, problem_sets(written, config.evaluation))
    for name, overlap in found["sets"].items():
        counted = ", ".join(f"{kind.replace('_', ' ')} {count}" for kind, count in overlap["hits"].items())
        verdict = "LEAKS" if overlap["leaks"] else "clean"
        print(f"{label}: {name}: {verdict}: of {overlap['count']} problems in {found['training']} training records: {counted}", flush=True)
        for example in overlap["examples"]:
            text = " ".join(example["excerpt"].split())
            print(f"  {example['kind'].replace('_', ' ')}: {example['training']} and {example['evaluation']}: {text}", flush=True)
    return bool(found["leaks"])


def _copying(overrides: Sequence[str]) -> int:
    """What a run copies; nothing that it says is a leak, so the code is 0."""
    words, _ = key_values(overrides, keys=("run",))
    if "run" not in words:
        raise UserError("hrm-audit copying needs run=RUN_DIRECTORY, for example run=outputs/quick/...")
    from hrmlab.runs.directory import RunDirectory

    run = RunDirectory.open(Path(words["run"]))
    summary = run.read_json("summary.json")
    if summary is None or "copied_cells" not in summary["test"]:
        raise UserError(f"{run.path} holds no measurement of copying; it is made at the end of a run of this version")
    for name, measured in {"test": summary["test"], **summary.get("other_tests", {})}.items():
        if "copied_cells" in measured:
            print(
                f"{name}: {measured['copied_cells']:.1%} of the asked cells repeat the input; token accuracy "
                f"{measured['cell_accuracy']:.1%}, of copying {measured['copying_accuracy']:.1%}"
            )
        if "copied_share" in measured:
            print(f"{name}: {measured['copied_share']:.1%} of the generated text stands in the prompt (stretches of 8 characters or more)")
    return 0


if __name__ == "__main__":
    main()
