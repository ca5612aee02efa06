"""hrm-export: a run as files that other programs run: ONNX, a torch.export program, plain weights; in 8 bits, with what that costs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hrmlab.cli.arguments import key_values, whole_number
from hrmlab.cli.command import run_command
from hrmlab.cli.opening import open_chosen
from hrmlab.core.errors import UserError

NAME = "hrm-export"
_HELP = """\
Writes a run as files that run elsewhere. What is written is compared with the run before it is handed out.

Usage: hrm-export run=RUN_DIRECTORY to=onnx|torch|safetensors [out=FOLDER] [KEY=VALUE ...]

  to=onnx               segment.onnx: one segment for any number of rows, for onnxruntime and its like (needs the extra export)
  to=torch              segment.pt2: the same as a program of torch.export, which torch runs without hrmlab
  to=safetensors        model.safetensors: the weights alone, and export.json with the architecture's arguments
  run=DIR               a run directory, or a folder with a published checkpoint (then also data=sudoku)
  out=FOLDER            a new folder (default: RUN_DIRECTORY/exports/<to>, or <to>_int8)
  weights=float32|int8  with to=onnx: int8 also writes segment_int8.onnx, smaller, and measures both on the test split
  count=N               weights=int8: measure on the first N examples of the test split (default 500)
  checkpoint=best|last  which weights (default: the ones the run's own test used)
  trainer.threads=N

The loop around a segment, and what goes in and comes out: docs/export.md.

Examples:
  hrm-export run=outputs/quick/sudoku_4x4_easy/hrm/nano/seed=0/1a2b3c4d to=onnx
  hrm-export run=outputs/quick/sudoku_4x4_easy/hrm/nano/seed=0/1a2b3c4d to=onnx weights=int8 out=small
"""
_OWN = ("run", "to", "out", "weights", "count", "checkpoint", "data")
_SECTIONS = {"data": None, "trainer": ("threads",)}


def main() -> None:
    """The console command."""
    run_command(NAME, command)


def command(arguments: Sequence[str]) -> int:
    """Export and say where the files are; the exit code."""
    if not arguments or any(argument in ("-h", "--help") for argument in arguments):
        print(_HELP, end="")
        return 0 if arguments else 2
    own, changes = key_values(arguments, keys=_OWN, sections=_SECTIONS)
    to, weights = _chosen(own, "to", ("onnx", "torch", "safetensors")), _chosen(own, "weights", ("float32", "int8"), "float32")
    _chosen(own, "checkpoint", ("best", "last"), "best")
    if "count" in own and weights != "int8":
        raise UserError(f"count={own['count']} says on how many examples weights=int8 is measured; leave it out, or add weights=int8")
    count = whole_number(own, "count", 500)
    folder = _folder(own, f"{to}_int8" if weights == "int8" else to)
    opened = open_chosen(own, {**changes, "trainer": {**changes["trainer"], "accelerator": "cpu"}}).opened

    from hrmlab.workflows.export import export_run

    found = export_run(opened, folder, to=to, weights=weights, tell=lambda words: print(words, flush=True))
    print(found.sentence())
    if weights == "int8":
        from hrmlab.workflows.quantised import measure_quantised

        for line in measure_quantised(opened, folder, count=count):
            print(line)
    print(f"export: {folder}")
    return 0


def _chosen(own: Mapping[str, str], key: str, choices: Sequence[str], default: str | None = None) -> Any:
    if key not in own and default is None:
        raise UserError(f"{key}= is missing; use {', '.join(f'{key}={choice}' for choice in choices)}")
    value = own.get(key, default)
    if value not in choices:
        raise UserError(f"{key}={value!r} is not a choice; use {', '.join(choices)}")
    return value


def _folder(own: Mapping[str, str], name: str) -> Path:
    if "out" in own:
        return Path(own["out"])
    if "run" not in own:
        raise UserError("run=DIR is missing; give a run directory, for example outputs/quick/.../seed=0/1a2b3c4d")
    run = Path(own["run"])
    if not (run / "run.json").exists():
        raise UserError(f"out=FOLDER is missing: {run} is no run directory of its own, in which the files would go")
    return run / "exports" / name


if __name__ == "__main__":
    main()
