"""The one place that turns a run directory, or a published checkpoint's folder, into something that answers.

    import hrmlab

    run = hrmlab.open_run("outputs/quick/sudoku_4x4_easy/hrm/nano/seed=0/1a2b3c4d")
    print(run.solve("1.3..41..14.4..1"))

Needs torch, and neither Hydra nor Lightning.
"""

from pathlib import Path
from typing import Any, Literal

import torch

from hrmlab.config.configuration import Configuration
from hrmlab.core.errors import UserError
from hrmlab.data.task import Task
from hrmlab.models.checkpoint import chosen_checkpoint, load_checkpoint
from hrmlab.models.reasoner import Reasoner
from hrmlab.runs.archive import refuse_without_checkpoints
from hrmlab.runs.directory import RunDirectory
from hrmlab.workflows.building import reasoner_of
from hrmlab.workflows.opened import OpenedRun
from hrmlab.workflows.published import open_published


def open_run(
    path: str | Path,
    *,
    checkpoint: Literal["best", "last"] | None = None,
    task: Task | None = None,
    device: str | torch.device = "cpu",
) -> OpenedRun:
    """Open a run directory of this project, or a folder with a published checkpoint.

    Args:
        path: ``outputs/<study>/<task>/<arm>/<size>/seed=<n>/<hash>``; or a folder that holds a release's state dict and its configuration
            file as released (see :mod:`hrmlab.workflows.published`), which needs ``task``.
        checkpoint: which weights of a run; None for those that its own test used.
        task: another task of the same size than the run's own; None for its own.
        device: ``cpu`` or ``cuda``.

    Raises:
        UserError: no such folder, no checkpoint, a task of another size, or weights that do not fit the configuration.
    """
    place = torch.device(device)
    if place.type == "cuda" and not torch.cuda.is_available():
        raise UserError("device=cuda needs a CUDA device and none is visible; use device=cpu")
    if Path(path).is_dir() and not (Path(path) / "run.json").exists():
        reasoner, task = open_published(Path(path), task=task)
        return OpenedRun(task=task, reasoner=reasoner, precision="fp32", likelihood="stablemax", device=place, step=None)
    run = RunDirectory.open(path)
    refuse_without_checkpoints(run)
    config = Configuration.from_plain(run.config)
    weights = load_checkpoint(chosen_checkpoint(run.checkpoints, checkpoint or config.training.evaluate))
    own: Task = config.data.build()
    task = task or own
    check_same_size(task, own)
    reasoner, _ = reasoner_of(config, task)
    load_weights(reasoner, weights)
    return OpenedRun(
        task=task,
        reasoner=reasoner,
        precision=config.training.precision,
        likelihood=config.training.loss,
        device=place,
        step=weights["global_step"],
        config=config,
        run=run,
    )


def check_same_size(task: Task, own: Task) -> None:
    """Refuse a task that the run's model was not built for.

    Raises:
        UserError: other length or vocabulary.
    """
    asked, trained_on, words = task.spec, own.spec, own.words
    if (asked.sequence_length, asked.vocabulary_size) != (trained_on.sequence_length, trained_on.vocabulary_size):
        raise UserError(
            f"the run was trained on {trained_on.name} ({trained_on.sequence_length} {words.token}s, {trained_on.vocabulary_size} tokens), "
            f"data is {asked.name} ({asked.sequence_length} {words.token}s, {asked.vocabulary_size} tokens); give {words.example}s of the "
            "run's own size"
        )


def load_weights(reasoner: Reasoner, checkpoint: dict[str, Any]) -> None:
    """Put a training checkpoint's weights into a reasoner.

    Raises:
        UserError: the two do not fit each other.
    """
    prefix = "reasoner."
    state = {name.removeprefix(prefix): value for name, value in checkpoint["state_dict"].items() if name.startswith(prefix)}
    try:
        reasoner.load_state_dict(state)
    except RuntimeError as error:
        detail = str(error).splitlines()[-1].strip()
        raise UserError(f"the checkpoint does not fit the run's config.yaml ({detail}); was one of them changed since training?") from None
