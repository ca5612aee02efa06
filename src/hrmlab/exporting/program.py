"""A segment as a torch.export program with any number of rows."""

import copy
import warnings
from pathlib import Path

import torch
from torch import nn
from torch.export import Dim, ExportedProgram

from hrmlab.core.errors import UserError
from hrmlab.exporting.segment import Segment
from hrmlab.models.reasoner import Reasoner

_EXAMPLE_ROWS = 3
"""Rows of the example that is traced: 1 would be taken for a constant."""


def export_program(reasoner: Reasoner) -> tuple[ExportedProgram, Segment]:
    """One segment of a reasoner, traced for any number of rows, and the segment itself.

    Args:
        reasoner: float32; it is copied to the CPU, not changed.

    Raises:
        UserError: torch.export cannot follow what the reasoner computes.
    """
    segment = Segment(_frozen(reasoner)).eval()
    arguments = segment.example(_EXAMPLE_ROWS)
    rows = Dim("rows")
    states = tuple({0: rows} for _ in segment.names.states)
    shapes = ({0: rows}, {0: rows}, {0: rows}, *((states,) if states else ()))
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch about its own tracing; what comes out is compared with the reasoner
            program = torch.export.export(segment, arguments, dynamic_shapes=shapes, strict=False)
    except Exception as error:
        detail = " ".join(str(error).split())[:200]
        raise UserError(
            f"{type(reasoner).__name__} cannot be exported as a program: torch.export says {detail}; to=safetensors writes its weights"
        ) from error
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # the folders of this machine, in every file that is written
    return program, segment


def save_program(program: ExportedProgram, path: Path) -> None:
    """Write it as a ``.pt2`` file, which ``torch.export.load`` reads without this project."""
    torch.export.save(program, path)


def _frozen(reasoner: Reasoner) -> Reasoner:
    copied = copy.deepcopy(reasoner).cpu().eval()
    for module in copied.modules():
        if isinstance(module, nn.Embedding):
            module.sparse = False  # of its gradient, which nobody asks for here
    return copied.requires_grad_(False)
