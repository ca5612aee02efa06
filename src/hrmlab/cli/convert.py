"""hrm-convert: a published checkpoint or a folder of transformers becomes a run directory, and a run either of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hrmlab.cli.arguments import key_values
from hrmlab.cli.command import run_command
from hrmlab.core.errors import UserError

if TYPE_CHECKING:
    from hrmlab.runs.directory import RunDirectory

NAME = "hrm-convert"
_HELP = """\
Turns a published checkpoint into a run directory, which hrm-eval, hrm-demo, hrm-audit and hrmlab.open_run take like any run; and a run
into a published checkpoint, with the names and the configuration of the release. The same with a folder of Hugging Face transformers, for
models that write (this needs the extra hf).

Usage: hrm-convert published=FOLDER data=CHOICE [data.KEY=VALUE ...] [study=NAME] [arm=NAME] [output_root=FOLDER]
       hrm-convert run=RUN_DIRECTORY to=FOLDER [checkpoint=best|last]
       hrm-convert run=RUN_DIRECTORY to=hf out=FOLDER [checkpoint=best|last]
       hrm-convert hf=FOLDER [data=CHOICE] [data.KEY=VALUE ...] [study=NAME] [arm=NAME] [output_root=FOLDER]

  published=FOLDER      a release: all_config.yaml, config.yaml or config.json, and one file of weights (checkpoint, step_<n>, .pt, .pth,
                        .ckpt or .safetensors)
  data=CHOICE           the task that it answers, which a release does not say; data.KEY=VALUE as for hrm-train
  study=, arm=          names of the new run (default: published or hugging_face, and the model's name)
  output_root=FOLDER    where run directories go (default: outputs)
  run=, checkpoint=     the run to write out, and which of its weights (default: the ones its own test used)
  to=FOLDER             a new folder: all_config.yaml and step_<n>.safetensors
  to=hf out=FOLDER      a new folder as one could push it to the hub: weights, configuration, tokenizer, generation settings, model card
  hf=FOLDER             such a folder; data= only where it did not come from a run

Examples:
  hrm-convert published=downloads/hrm-sudoku data=sudoku
  hrm-convert run=outputs/quick/sudoku_4x4_easy/hrm/nano/seed=0/1a2b3c4d to=release
  hrm-convert run=outputs/code_quick/synthetic_code/hrm/nano/seed=0/1a2b3c4d to=hf out=hrm-code
"""
_NEW_RUN = ("data", "study", "arm", "output_root")
_ROUTES = {"published": (("data",), _NEW_RUN), "run": (("to",), ("to", "out", "checkpoint")), "hf": ((), _NEW_RUN)}
"""What is converted -> the keys that it needs, and all that go with it."""
_OWN = ("published", "data", "study", "arm", "output_root", "run", "checkpoint", "to", "out", "hf")


def main() -> None:
    """The console command."""
    run_command(NAME, command)


def command(arguments: Sequence[str]) -> int:
    """Convert and say where the result is; the exit code."""
    if not arguments or any(argument in ("-h", "--help") for argument in arguments):
        print(_HELP, end="")
        return 0 if arguments else 2
    own, changes = key_values(arguments, keys=_OWN, sections={"data": None})
    given = [key for key in _ROUTES if key in own]
    if len(given) != 1:
        raise UserError(
            "give one of published=FOLDER (with data=CHOICE), run=RUN_DIRECTORY (with to=FOLDER or to=hf out=FOLDER) and hf=FOLDER"
        )
    (first,) = given
    needed, taken = _ROUTES[first]
    for key in needed:
        if key not in own:
            raise UserError(f"{first}={own[first]} needs {key}=; see {NAME} --help")
    for key in [*own, *(f"data.{name}" for name in changes["data"])]:
        if key != first and key.partition(".")[0] not in taken:
            raise UserError(f"{key} does not go with {first}=; it takes {', '.join(f'{name}=' for name in taken)}")
    if changes["data"] and "data" not in own:
        raise UserError(f"data.{next(iter(changes['data']))} needs data=CHOICE beside it")
    print(_from_run(own) if first == "run" else f"run directory: {_to_run(first, own, changes['data']).path}")
    return 0


def _to_run(first: str, own: Mapping[str, str], changes: Mapping[str, Any]) -> "RunDirectory":
    """The run directory of a published checkpoint or of a folder of transformers."""
    from hrmlab.config.composition import composer

    with composer() as composing:
        if first == "published":
            from hrmlab.workflows.convert import to_run

            return to_run(
                Path(own["published"]),
                composing=composing,
                data=own["data"],
                changes=changes,
                study=own.get("study", "published"),
                arm=own.get("arm"),
                output_root=own.get("output_root", "outputs"),
            )
        from hrmlab.workflows.hugging_face import from_folder

        names = {key: own.get(key) for key in _NEW_RUN}
        return from_folder(Path(own["hf"]), composing=composing, changes=changes, **names)


def _from_run(own: Mapping[str, str]) -> str:
    """Write a run out and say where it is."""
    if own.get("checkpoint", "best") not in ("best", "last"):
        raise UserError(f"checkpoint={own['checkpoint']!r} is not a choice; use best or last")
    if (own["to"] == "hf") != ("out" in own):
        raise UserError(
            "to=hf and out=FOLDER go together: the first says what is written, the second where (to=./hf is a release in a folder hf)"
        )
    if "out" in own:
        from hrmlab.workflows.hugging_face import to_folder as write

        target, what = own["out"], "folder for transformers"
    else:
        from hrmlab.workflows.convert import to_release as write

        target, what = own["to"], "published checkpoint"
    from hrmlab.runs.directory import RunDirectory
    from hrmlab.workflows.open_run import open_run

    checkpoint: Any = own.get("checkpoint")
    run = RunDirectory.open(own["run"]).path
    for note in write(open_run(run, checkpoint=checkpoint), Path(target)):
        print(note)
    return f"{what}: {target}"


if __name__ == "__main__":
    main()
