"""What practice leaves in a run directory: ``stages.json``, and the weights after every stage."""

from pathlib import Path
from typing import Any

from hrmlab.core.errors import UserError
from hrmlab.models.checkpoint import trained_checkpoint
from hrmlab.runs.directory import RunDirectory

WARM_UP = "warm_up"
"""What comes before the first stage: the supervised training."""
_RECORD = "stages.json"


def read_stages(run: RunDirectory) -> list[dict[str, Any]]:
    """What each finished stage came to, the warm-up first; empty for a run that never practised."""
    return (run.read_json(_RECORD) or {}).get("stages", [])


def write_stages(run: RunDirectory, stages: list[dict[str, Any]]) -> None:
    """Write that down, in one piece."""
    run.write_json(_RECORD, {"stages": stages})


def stage_checkpoint(run: RunDirectory, name: str) -> Path:
    """Where the weights are that a stage left."""
    return run.checkpoints / f"stage-{name}.ckpt"


def checkpoints_of(run: RunDirectory, asked: str | None, *, rule: str) -> dict[str, Path]:
    """The weights after the stages that are asked for, in their order.

    Args:
        run: that practised.
        asked: a stage, several with commas between them, or None for all that are finished.
        rule: which weights the warm-up ended with.

    Raises:
        UserError: the run never practised, or has no such stage, or not yet.
    """
    done = [str(stage["name"]) for stage in read_stages(run)]
    if not done:
        raise UserError(f"{run.path} has no stages of practice; train one with hrm-train objective=grpo")
    names = done if asked is None else asked.split(",")
    for name in names:
        if name not in done:
            raise UserError(f"stage={name} is no finished stage of {run.path}; there are {', '.join(done)}")
    return {name: trained_checkpoint(run.checkpoints, rule) if name == WARM_UP else stage_checkpoint(run, name) for name in names}
