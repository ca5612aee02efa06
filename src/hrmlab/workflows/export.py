"""``hrm-export``: a run's segment as files that others can run, compared with the run before they are handed out."""

import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, get_args

import torch

from hrmlab.core.errors import UserError
from hrmlab.exporting.comparison import TOLERANCE, Comparison, compare
from hrmlab.exporting.exported import Exported, onnx_run, program_run
from hrmlab.exporting.onnx_file import check_onnx, save_int8, save_onnx
from hrmlab.exporting.program import export_program, save_program
from hrmlab.exporting.segment import Segment
from hrmlab.exporting.weights import ABOUT, WEIGHTS, architecture, read_reasoner, save_weights
from hrmlab.models.reasoner import Reasoner
from hrmlab.runs.new_folder import new_folder
from hrmlab.workflows.opened import OpenedRun

Form = Literal["onnx", "torch", "safetensors"]
Weights = Literal["float32", "int8"]
FORMS: tuple[Form, ...] = get_args(Form)
WEIGHT_TYPES: tuple[Weights, ...] = get_args(Weights)
PROGRAM, ONNX, ONNX_INT8 = "segment.pt2", "segment.onnx", "segment_int8.onnx"

Progress = Callable[[str], None]


def export_run(opened: OpenedRun, folder: Path, *, to: Form, weights: Weights = "float32", tell: Progress = print) -> Comparison:
    """Write a run's segment, or its weights, into a new folder; all of it or nothing.

    Args:
        opened: its float32 weights are written, whatever precision it computes in.
        folder: new, or empty.
        to: ``onnx``: segment.onnx; ``torch``: segment.pt2 of torch.export; ``safetensors``: the state dict.
        weights: ``int8`` writes segment_int8.onnx beside segment.onnx.
        tell: is told what is being done.

    Returns:
        how far what was written (of ONNX the float32 file) is from the run.

    Raises:
        UserError: a folder that holds something, an arm that cannot be exported, a missing package, or results that differ.
    """
    if weights == "int8" and to != "onnx":
        raise UserError(f"weights=int8 is for to=onnx, and to={to} was asked for; leave weights= out, or use to=onnx")
    if to == "onnx":
        check_onnx()
    reasoner = opened.reasoner.cpu()
    with new_folder(folder) as draft:
        if to == "safetensors":
            save_weights(reasoner, draft / WEIGHTS)
            about: dict[str, Any] = {"architecture": architecture(reasoner)}
            (draft / ABOUT).write_text(json.dumps(about))  # what reading back needs; written in full below
            found = compare(reasoner, _as_exported(read_reasoner(draft)))
        else:
            tell(f"tracing one segment of {type(reasoner).__name__}")
            program, segment = export_program(reasoner)
            about = {"inputs": _inputs(segment), "outputs": list(segment.names.outputs)}
            if to == "torch":
                save_program(program, draft / PROGRAM)
                run = program_run(draft / PROGRAM, segment.names)
            else:
                tell("writing it as ONNX")
                save_onnx(program, segment.names, draft / ONNX)
                run = onnx_run(draft / ONNX)
            found = compare(reasoner, Exported(reasoner, run))
        if not found.difference <= TOLERANCE:
            raise UserError(f"to={to} does not compute what the run computes ({found.sentence()}); nothing was written")
        if weights == "int8":
            tell("quantising its weights")
            save_int8(draft / ONNX, draft / ONNX_INT8)
        (draft / ABOUT).write_text(json.dumps({**_about(opened, to), **about}, indent=1) + "\n", encoding="utf-8")
    return found


def _as_exported(reasoner: Reasoner) -> Exported:
    segment = Segment(reasoner)

    def run(arguments: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return dict(zip(segment.names.outputs, segment(*(arguments[name] for name in segment.names.inputs)), strict=True))

    return Exported(reasoner, run)


def _about(opened: OpenedRun, to: Form) -> dict[str, Any]:
    """What stands in export.json whatever was written."""
    spec = opened.task.spec
    return {
        "format": to,
        "run": None if opened.run is None else opened.run.hash,
        "step": opened.step,
        "task": spec.name,
        "sequence_length": spec.sequence_length,
        "vocabulary_size": spec.vocabulary_size,
        "segments": opened.reasoner.max_segments,
        "versions": {name: version(name) for name in ("hrmlab", "torch", *(("onnx", "onnxruntime") if to == "onnx" else ()))},
    }


def _inputs(segment: Segment) -> dict[str, Any]:
    """Shape and type of every argument; the first dimension is free."""
    example = dict(zip(segment.names.inputs, segment.example(1), strict=True))
    types = {torch.int64: "int64", torch.bool: "bool", torch.float32: "float32"}
    return {name: {"shape": ["rows", *value.shape[1:]], "type": types[value.dtype]} for name, value in example.items()}
