"""Folders with a published checkpoint: the release's state dict and its configuration file, as they were put online.

What is read, and nothing else:

* the configuration: ``all_config.yaml``, ``config.yaml`` or ``config.json``; the model's keys (``hidden_size``, ``H_cycles``, ...)
  stand at its top or in its section ``arch``;
* the weights: ``checkpoint``, the ``step_<n>`` with the largest n, or the only file ending in .pt, .pth, .ckpt or .safetensors.

Sequence length, vocabulary and puzzle identifiers are facts of the data, which a release keeps elsewhere: they come from the task that the
user names, or from the tensors themselves.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import load_file
from torch import Tensor

from hrmlab.core.errors import UserError
from hrmlab.data.task import Task
from hrmlab.models.published import kind_of, load_published
from hrmlab.models.reasoner import Reasoner

_CONFIGURATIONS = ("all_config.yaml", "config.yaml", "config.json")
_ENDINGS = (".pt", ".pth", ".ckpt", ".safetensors")


def open_published(folder: Path, *, task: Task | None) -> tuple[Reasoner, Task]:
    """The published reasoner in a folder, and the task that it answers.

    Raises:
        UserError: the folder holds no such release, it does not fit the task, or no task was named.
    """
    if task is None:
        raise UserError(
            f"{folder} holds no run.json, so it is read as a published checkpoint, which does not say its task; name it: data=sudoku, or "
            "task=SudokuTask(...) from Python; for a run, give its run directory"
        )
    config, state = _configuration(folder), _weights(folder)
    facts = {"seq_len": task.spec.sequence_length}
    for ending, fact in (("embed_tokens.embedding_weight", "vocab_size"), ("puzzle_emb.weights", "num_puzzle_identifiers")):
        table = next((value for name, value in state.items() if name.endswith(ending)), None)
        if table is not None:
            facts[fact] = len(table)
    reasoner = load_published(kind_of(state), {**facts, **config}, state)
    built = reasoner.task
    if (built.sequence_length, built.vocabulary_size) != (task.spec.sequence_length, task.spec.vocabulary_size):
        raise UserError(
            f"{folder} was trained on {built.sequence_length} positions and {built.vocabulary_size} tokens, and {task.spec.name} has "
            f"{task.spec.sequence_length} and {task.spec.vocabulary_size}; name the task that it was trained on"
        )
    return reasoner, task


def published_step(folder: Path) -> int | None:
    """The optimizer step that the name of a release's weights tells (``step_<n>``); None where it does not.

    Raises:
        UserError: there is not one file of weights.
    """
    match = re.fullmatch(r"step_(\d+)", _weights_file(folder).stem)
    return int(match[1]) if match else None


def _configuration(folder: Path) -> Mapping[str, Any]:
    path = next((folder / name for name in _CONFIGURATIONS if (folder / name).is_file()), None)
    if path is None:
        known = ", ".join(_CONFIGURATIONS)
        raise UserError(f"{folder} is not a run directory (it has no run.json) and no published checkpoint (it has none of {known})")
    try:
        text = path.read_text(encoding="utf-8")
        value = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{path} cannot be read ({' '.join(str(error).split())[:120]}); copy it from the release again") from None
    if not isinstance(value, dict):
        raise UserError(f"{path} does not hold a configuration; copy it from the release again")
    section = value.get("arch", value)
    return section if isinstance(section, dict) else value


def _weights(folder: Path) -> Mapping[str, Tensor]:
    path = _weights_file(folder)
    try:
        if path.suffix == ".safetensors":
            loaded: Any = load_file(path)
        else:
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path} cannot be read as a state dict ({reason}); copy it from the release again") from None
    loaded = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else loaded
    if not isinstance(loaded, dict) or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise UserError(f"{path} does not hold a state dict of tensors; give the file that the release calls its checkpoint")
    return loaded


def _weights_file(folder: Path) -> Path:
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    steps = sorted((int(match[1]), path) for path in files if (match := re.fullmatch(r"step_(\d+)", path.stem)))
    named = [path for path in files if path.name == "checkpoint"] or [path for _, path in steps[-1:]]
    found = named or [path for path in files if path.suffix in _ENDINGS]
    if len(found) != 1:
        told = ", ".join(path.name for path in found) or "none"
        endings = ", ".join(_ENDINGS)
        raise UserError(f"{folder} should hold one file of weights (checkpoint, step_<n>, or one ending in {endings}) and has {told}")
    return found[0]
