"""A reasoner as plain weights: a safetensors file of its state dict and JSON with the arguments that make the same architecture again."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from hrmlab.core.components import call, flat_arguments, locate
from hrmlab.core.errors import UserError
from hrmlab.core.task import TaskSpec
from hrmlab.models.reasoner import Reasoner

WEIGHTS, ABOUT = "model.safetensors", "export.json"


def architecture(reasoner: Reasoner) -> dict[str, Any]:
    """What makes the same architecture again: its class, its arguments, its task; JSON."""
    arguments = flat_arguments(type(reasoner), reasoner.arguments)
    return {
        "class": f"{type(reasoner).__module__}.{type(reasoner).__qualname__}",
        "arguments": {name: value for name, value in arguments.items() if name != "task"},
        "task": asdict(reasoner.task),
    }


def save_weights(reasoner: Reasoner, path: Path) -> None:
    """Write the state dict, float32; a tensor that plays two parts is there under both names."""
    save_file({name: tensor.detach().cpu().clone().contiguous() for name, tensor in reasoner.state_dict().items()}, path)


def read_reasoner(folder: str | Path) -> Reasoner:
    """The reasoner of a folder that ``hrm-export to=safetensors`` wrote, in evaluation mode.

    Raises:
        UserError: no such folder, or weights that do not fit.
    """
    folder = Path(folder)
    try:
        about: Mapping[str, Any] = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        weights = load_file(folder / WEIGHTS)
        made = about["architecture"]
        grid = made["task"]["grid"]
        task = TaskSpec(**{**made["task"], "grid": None if grid is None else tuple(grid)})
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{folder} is no folder of hrm-export to=safetensors ({type(error).__name__}: {error})") from None
    with torch.random.fork_rng(devices=[]):
        reasoner: Reasoner = call(locate(made["class"]), task=task, **made["arguments"])
    try:
        reasoner.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(f"{folder / WEIGHTS} does not fit {ABOUT} ({str(error).splitlines()[-1].strip()})") from None
    return reasoner.eval()
