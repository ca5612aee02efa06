"""Checkpoints that survive anything: plain data, written aside, flushed to disk, renamed; the one before is kept."""

import contextlib
import os
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from hrmlab.core.errors import UserError

LAST, PREVIOUS, BEST = "last.ckpt", "previous.ckpt", "best.ckpt"


class AtomicCheckpointIO(TorchCheckpointIO):
    """Lightning's reader and writer of checkpoint files, made atomic.

    A reader finds the old file or the new one, never a torn one. The old ``last.ckpt`` stays as ``previous.ckpt``.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        # One process writes a run's checkpoints, so a leftover of a killed one is simply overwritten.
        temporary = path.with_name(f".{path.name}.writing")
        try:
            with temporary.open("wb") as file:
                torch.save(checkpoint, file)
                file.flush()
                os.fsync(file.fileno())
            if path.name == LAST and path.exists():
                path.replace(path.with_name(PREVIOUS))
            temporary.replace(path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        return load_checkpoint(Path(path), map_location=map_location or "cpu")


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
