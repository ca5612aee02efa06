"""Reading a checkpoint's content: plain data only, whichever of a run's files is wanted."""

from pathlib import Path
from typing import Any

import torch

from hrmlab.core.errors import UserError
from hrmlab.runs.directory import BEST, LAST, PRACTISED, PREVIOUS


def load_checkpoint(path: Path, *, map_location: Any = "cpu") -> dict[str, Any]:
    """A checkpoint's content, under ``weights_only=True``: loading a file never runs code from it.

    Raises:
        UserError: the file is absent, torn or not a checkpoint of this project.
    """
    try:
        checkpoint = torch.load(path, map_location=map_location, weights_only=True)
    except FileNotFoundError:
        raise UserError(f"no checkpoint {path}; the run was stopped before its first one, start it again") from None
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"checkpoint {path} cannot be read ({reason}); use the one before it, {PREVIOUS}") from None
    if not isinstance(checkpoint, dict) or "state_dict" not in checkpoint:
        raise UserError(f"{path} is not a checkpoint of this project: it has no 'state_dict'")
    return checkpoint


def newest_checkpoint(folder: Path) -> tuple[Path, int] | None:
    """The newest readable checkpoint to resume from and its step: ``last.ckpt``, else ``previous.ckpt``, else None."""
    for name in (LAST, PREVIOUS):
        path = folder / name
        if path.exists():
            try:
                return path, load_checkpoint(path)["global_step"]
            except UserError:
                continue
    return None


def chosen_checkpoint(folder: Path, rule: str) -> Path:
    """The file that a run's answers come from: what practice left, where all stages of it are done; else as :func:`trained_checkpoint`."""
    practised = folder / PRACTISED
    return practised if practised.exists() else trained_checkpoint(folder, rule)


def trained_checkpoint(folder: Path, rule: str) -> Path:
    """The file that a rule chooses of those that training left: ``best``, where there is one, or ``last``."""
    best = folder / BEST
    return best if rule == "best" and best.exists() else folder / LAST
