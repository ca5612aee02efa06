"""Checkpoints that survive anything: plain data, written aside, flushed to disk, renamed; the one before is kept."""

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from hrmlab.models.checkpoint import load_checkpoint
from hrmlab.runs.directory import LAST, PREVIOUS
from hrmlab.runs.files import replacing


class AtomicCheckpointIO(TorchCheckpointIO):
    """Lightning's reader and writer of checkpoint files, made atomic.

    A reader finds the old file or the new one, never a torn one. The old ``last.ckpt`` stays as ``previous.ckpt``.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            torch.save(checkpoint, temporary)
            if path.name == LAST and path.exists():
                path.replace(path.with_name(PREVIOUS))

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        return load_checkpoint(Path(path), map_location=map_location or "cpu")
