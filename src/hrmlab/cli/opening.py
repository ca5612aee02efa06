"""What the commands that open a run share: the device, and the run itself."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from hrmlab.core.errors import UserError

if TYPE_CHECKING:
    from hrmlab.config.configuration import Configuration
    from hrmlab.data.task import Task
    from hrmlab.workflows.opened import OpenedRun

TRAINER_KEYS = ("accelerator", "threads", "progress_bar")
"""What may be chosen of the trainer section where nothing is trained."""


@dataclass(frozen=True)
class Chosen:
    """An opened run and its configuration; None for a published checkpoint."""

    opened: "OpenedRun"
    config: "Configuration | None"


def open_chosen(own: Mapping[str, str], changes: Mapping[str, Mapping[str, Any]]) -> Chosen:
    """The run or published checkpoint that the arguments name, on the device they name.

    Raises:
        UserError: it is not there, or a change does not fit it.
    """
    if "run" not in own:
        raise UserError("run=DIR is missing; give a run directory, for example outputs/quick/.../seed=0/1a2b3c4d")
    from pathlib import Path

    from hrmlab.config.configuration import Configuration
    from hrmlab.runs.directory import RunDirectory

    path = Path(own["run"])
    if path.is_dir() and not (path / "run.json").exists():
        task = _named_task(own.get("data"), changes["data"])
        config = None
    else:
        config = Configuration.from_plain(RunDirectory.open(path).config)
        if "data" in own:
            raise UserError(f"data={own['data']} is for a published checkpoint; {path} knows its task: change it with data.KEY=VALUE")
        task = _changed_task(config, changes["data"])
    device = device_of(changes["trainer"])
    from hrmlab.workflows.open_run import open_run

    checkpoint: Any = own.get("checkpoint")
    return Chosen(open_run(path, checkpoint=checkpoint, task=task, device=device), config)


def _changed_task(config: "Configuration", changes: Mapping[str, Any]) -> "Task | None":
    """The run's own task with changed keys; None where nothing changes."""
    if not changes:
        return None
    from hrmlab.config.validation import validate_section
    from hrmlab.core.components import Component

    section = config.data.to_section()
    for key in ("name", "_target_"):
        if changes.get(key, section[key]) != section[key]:
            raise UserError(f"data.{key}={changes[key]} is another task than the run's, which is data.{key}={section[key]}; leave it out")
    return Component.from_section(validate_section("data", {**section, **changes})).build()


def _named_task(choice: str | None, changes: Mapping[str, Any]) -> "Task | None":
    """The task of a choice of conf/data; None where none is named."""
    if choice is None:
        return None
    from hrmlab.config.composition import composer
    from hrmlab.config.validation import validate_section
    from hrmlab.core.components import Component

    with composer() as composing:
        section = composing.compose([f"data={choice}"]).config.data.to_section()
    return Component.from_section(validate_section("data", {**section, **changes})).build()


def device_of(changes: Mapping[str, Any]) -> str:
    """``cpu`` or ``cuda``, after setting up this process for it.

    Raises:
        UserError: no such device, or a bad value.
    """
    from hrmlab.config.composition import composer
    from hrmlab.config.schema import Trainer
    from hrmlab.config.validation import validate_section

    with composer() as composing:
        section = composing.compose([]).config.trainer
    checked = Trainer(**validate_section("trainer", {**asdict(section), "accelerator": "auto", "threads": None, "devices": 1, **changes}))
    import torch

    from hrmlab.training.process import prepare_process

    prepare_process(checked)
    return "cuda" if checked.accelerator == "gpu" or (checked.accelerator == "auto" and torch.cuda.is_available()) else "cpu"
