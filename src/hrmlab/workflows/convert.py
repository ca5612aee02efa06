"""Published checkpoints as run directories, and runs as published checkpoints."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import save

from hrmlab.budget.count import parameter_count
from hrmlab.config.composition import Composer
from hrmlab.config.configuration import Configuration
from hrmlab.config.location import choices, config_file
from hrmlab.core.components import flat_arguments
from hrmlab.core.errors import UserError
from hrmlab.models.publishing import published_form
from hrmlab.models.reasoner import Reasoner
from hrmlab.runs.directory import CONVERTED, LAST, RunDirectory
from hrmlab.runs.files import read_yaml, replacing, write_files
from hrmlab.runs.provenance import provenance
from hrmlab.workflows.building import reasoner_of
from hrmlab.workflows.labels import labels_of
from hrmlab.workflows.opened import OpenedRun
from hrmlab.workflows.published import open_published, published_step

_SIZE = "published"


def to_run(
    folder: Path, *, composing: Composer, data: str, changes: Mapping[str, Any], study: str, arm: str | None, output_root: str
) -> RunDirectory:
    """A run directory that holds a published checkpoint's weights, as if it had been trained here.

    Args:
        folder: see :mod:`hrmlab.workflows.published`.
        composing: gives the values of everything that a checkpoint says nothing of.
        data: the task that it answers, a choice of ``conf/data``.
        changes: keys of the data section.
        study, arm: names of the run; arm None for the model's.
        output_root: where run directories go.

    Raises:
        UserError: no such release, a task that it does not fit, tensors that do not fit (by name), or no such choice.
    """
    if (folder / "run.json").exists():
        raise UserError(f"published={folder} is a run directory already; run=... to=... writes it as a published checkpoint")
    composed = composing.compose([f"data={data}"]).config
    section = {**composed.data.to_section(), **changes}
    base = Configuration.from_plain({**composed.to_plain(), "data": section})
    task = base.data.build()
    published, _ = open_published(folder, task=task)
    model = _model_section(published)
    plain = {
        **base.to_plain(),
        "model": model,
        "size": {"name": _SIZE, "parameters": parameter_count(published), "head_size": max(2, model["hidden_size"] // model["num_heads"])},
        "study": study,
        "arm": arm,
        "output_root": output_root,
    }
    # The release trains with stablemax, whose loss says how its logits become probabilities; its weights are float32.
    plain["training"] = {**plain["training"], "loss": "stablemax", "precision": "fp32", "evaluate": "last"}
    config = Configuration.from_plain(plain)
    reasoner, budget = reasoner_of(config, task)
    expected, given = reasoner.state_dict(), published.state_dict()
    other = [
        f"{name} ({tuple(given[name].shape)} in {folder}, {tuple(expected[name].shape)} for {task.spec.name})"
        for name in sorted(expected.keys() & given.keys())
        if expected[name].shape != given[name].shape
    ]
    other += sorted(expected.keys() ^ given.keys())
    if other:
        raise UserError(f"{folder} does not fit data={data}: {', '.join(other)}; name the data that it was trained on")
    step = published_step(folder)
    run = RunDirectory.create(output_root=output_root, labels=labels_of(config), config=config.to_plain(), overrides=[])
    weights = {f"reasoner.{name}": tensor for name, tensor in given.items()}
    with replacing(run.checkpoints / LAST) as temporary:
        torch.save({"state_dict": weights, "global_step": step or 0, "epoch": 0}, temporary)
    run.write_json("provenance.json", provenance())
    run.write_json("budget.json", budget.to_dict())
    when = datetime.now(UTC).isoformat(timespec="seconds")
    run.write_json(CONVERTED, {"from": folder.name, "step": step, "tensors": len(given), "time": when})
    return run


def to_release(opened: OpenedRun, folder: Path) -> list[str]:
    """Write a run's weights and configuration as a release would have; what to know of it, one sentence each.

    Raises:
        UserError: the folder holds something already, or no published family has such a model.
    """
    form = published_form(opened.reasoner)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"to={folder} is there already and is not an empty folder; name a new one")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        arch = yaml.safe_dump({"arch": form.config}, sort_keys=False).encode()
        name = "model.safetensors" if opened.step is None else f"step_{opened.step}.safetensors"
        write_files(folder, {"all_config.yaml": arch, name: save(form.tensors)})
    except OSError as error:
        raise UserError(f"to={folder} cannot be written ({error.strerror}); name a folder that can") from None
    return form.notes


def _model_section(reasoner: Reasoner) -> dict[str, Any]:
    """The section of ``conf/model`` that makes this reasoner, every argument fixed.

    Raises:
        UserError: no file of ``conf/model`` names its class.
    """
    target = f"{type(reasoner).__module__}.{type(reasoner).__qualname__}"
    for choice in choices("model"):
        file = config_file("model", choice)
        section = read_yaml(file) if file is not None else {}
        if section.get("_target_") == target:
            arguments = flat_arguments(type(reasoner), reasoner.arguments)
            return {**{key: section[key] for key in ("name", "_target_", "role") if key in section}, **_without_task(arguments)}
    raise UserError(f"no file of conf/model names {target}")


def _without_task(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in arguments.items() if key != "task"}
