"""hrm-convert: a published checkpoint becomes a run directory, and a run a published checkpoint."""

from collections.abc import Sequence
from pathlib import Path

from hrmlab.cli.arguments import key_values
from hrmlab.cli.command import run_command
from hrmlab.core.errors import UserError

NAME = "hrm-convert"
_HELP = """\
Turns a published checkpoint into a run directory, which hrm-eval, hrm-demo, hrm-audit and hrmlab.open_run take like any run; and a run
into a published checkpoint, with the names and the configuration of the release.

Usage: hrm-convert published=FOLDER data=CHOICE [data.KEY=VALUE ...] [study=NAME] [arm=NAME] [output_root=FOLDER]
       hrm-convert run=RUN_DIRECTORY to=FOLDER [checkpoint=best|last]

  published=FOLDER      a release: all_config.yaml, config.yaml or config.json, and one file of weights (checkpoint, step_<n>, .pt, .pth,
                        .ckpt or .safetensors)
  data=CHOICE           the task that it answers, which a release does not say; data.KEY=VALUE as for hrm-train
  study=, arm=          names of the new run (default: published, and the model's name)
  output_root=FOLDER    where run directories go (default: outputs)
  run=, checkpoint=     the run to write out, and which of its weights (default: the ones its own test used)
  to=FOLDER             a new folder: all_config.yaml and step_<n>.safetensors

Examples:
  hrm-convert published=downloads/hrm-sudoku data=sudoku
  hrm-convert run=outputs/quick/sudoku_4x4_easy/hrm/nano/seed=0/1a2b3c4d to=release
"""
_OWN = ("published", "data", "study", "arm", "output_root", "run", "checkpoint", "to")


def main() -> None:
    """The console command."""
    run_command(NAME, command)


def command(arguments: Sequence[str]) -> int:
    """Convert and say where the result is; the exit code."""
    if not arguments or any(argument in ("-h", "--help") for argument in arguments):
        print(_HELP, end="")
        return 0 if arguments else 2
    own, changes = key_values(arguments, keys=_OWN, sections={"data": None})
    if ("published" in own) == ("run" in own):
        raise UserError("give one of published=FOLDER (with data=CHOICE) and run=RUN_DIRECTORY (with to=FOLDER)")
    needed, taken = (("data",), ("data", "study", "arm", "output_root")) if "published" in own else (("to",), ("to", "checkpoint"))
    first = "published" if "published" in own else "run"
    for key in needed:
        if key not in own:
            raise UserError(f"{first}={own[first]} needs {key}=; see {NAME} --help")
    for key in [*own, *(f"data.{name}" for name in changes["data"])]:
        if key != first and key.partition(".")[0] not in taken:
            raise UserError(f"{key} does not go with {first}=; it takes {', '.join(f'{name}=' for name in taken)}")
    if first == "published":
        from hrmlab.config.composition import composer
        from hrmlab.workflows.convert import to_run

        with composer() as composing:
            run = to_run(
                Path(own["published"]),
                composing=composing,
                data=own["data"],
                changes=changes["data"],
                study=own.get("study", "published"),
                arm=own.get("arm"),
                output_root=own.get("output_root", "outputs"),
            )
        print(f"run directory: {run.path}")
        return 0
    if own.get("checkpoint", "best") not in ("best", "last"):
        raise UserError(f"checkpoint={own['checkpoint']!r} is not a choice; use best or last")
    from typing import Any

    from hrmlab.runs.directory import RunDirectory
    from hrmlab.workflows.convert import to_release
    from hrmlab.workflows.opened import open_run

    checkpoint: Any = own.get("checkpoint")
    opened = open_run(RunDirectory.open(own["run"]).path, checkpoint=checkpoint)
    for note in to_release(opened, Path(own["to"])):
        print(note)
    print(f"published checkpoint: {own['to']}")
    return 0


if __name__ == "__main__":
    main()
