"""Published checkpoints as run directories, and runs as published checkpoints."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import save
from torch import Tensor

from hrmlab.budget.count import parameter_count
from hrmlab.config.composition import Composer
from hrmlab.config.configuration import Configuration
from hrmlab.config.location import choices, config_file
from hrmlab.core.components import flat_arguments
from hrmlab.core.errors import UserError
from hrmlab.data.task import Task
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
    base, task = chosen_task(composing, data, changes)
    published, _ = open_published(folder, task=task)
    # The release trains with stablemax, whose loss says how its logits become probabilities; its weights are float32.
    names = {"study": study, "arm": arm, "output_root": output_root}
    config = fixed_configuration(published, base, size=_SIZE, likelihood="stablemax", names=names)
    return write_run(config, task, published.state_dict(), source=folder, step=published_step(folder))


def chosen_task(composing: Composer, data: str, changes: Mapping[str, Any]) -> tuple[Configuration, Task]:
    """The configuration of a choice of ``conf/data`` with changed keys, everything else at its defaults, and its task."""
    composed = composing.compose([f"data={data}"]).config
    section = {**composed.data.to_section(), **changes}
    base = Configuration.from_plain({**composed.to_plain(), "data": section})
    return base, base.data.build()


def fixed_configuration(
    reasoner: Reasoner, base: Configuration, *, size: str, likelihood: str, names: Mapping[str, str | None]
) -> Configuration:
    """The configuration of a run whose model is this one, every argument fixed.

    Args:
        reasoner: with its weights.
        base: everything else.
        size: name of the size.
        likelihood: how its logits become probabilities.
        names: study, arm and output root.
    """
    model = _model_section(reasoner)
    head_size = max(2, model["hidden_size"] // model.get("num_heads", 1))
    plain = {
        **base.to_plain(),
        "model": model,
        "size": {"name": size, "parameters": parameter_count(reasoner), "head_size": head_size},
        **names,
    }
    plain["training"] = {**plain["training"], "loss": likelihood, "precision": "fp32", "evaluate": "last"}
    return Configuration.from_plain(plain)


def write_run(config: Configuration, task: Task, given: Mapping[str, Tensor], *, source: Path, step: int | None) -> RunDirectory:
    """A run directory with these weights, as if they had been trained here.

    Args:
        config: of the run.
        task: of the configuration.
        given: the reasoner's state dict.
        source: the folder that they come from.
        step: after which they were written; None where nobody knows.

    Raises:
        UserError: weights that do not fit the configuration, by name.
    """
    reasoner, budget = reasoner_of(config, task)
    expected = reasoner.state_dict()
    other = [
        f"{name} ({tuple(given[name].shape)} in {source}, {tuple(expected[name].shape)} for {task.spec.name})"
        for name in sorted(expected.keys() & given.keys())
        if expected[name].shape != given[name].shape
    ]
    other += sorted(expected.keys() ^ given.keys())
    if other:
        raise UserError(f"{source} does not fit data={config.data.name}: {', '.join(other)}; name the data that it was trained on")
    run = RunDirectory.create(output_root=config.output_root, labels=labels_of(config), config=config.to_plain(), overrides=[])
    weights = {f"reasoner.{name}": tensor for name, tensor in given.items()}
    with replacing(run.checkpoints / LAST) as temporary:
        torch.save({"state_dict": weights, "global_step": step or 0, "epoch": 0}, temporary)
    run.write_json("provenance.json", provenance())
    run.write_json("budget.json", budget.to_dict())
    when = datetime.now(UTC).isoformat(timespec="seconds")
    run.write_json(CONVERTED, {"from": source.name, "step": step, "tensors": len(given), "time": when})
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
