"""Progress of training: Lightning's Rich bar without the columns that mean nothing here; lines where no terminal is."""

import sys
import time
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import RichProgressBar

from hrmlab.data.progress import LINE_SECONDS
from hrmlab.training.module import SegmentTraining


class Progress(RichProgressBar):
    """Steps of the whole run, with loss, exact accuracy and examples per second."""

    def __init__(self) -> None:
        super().__init__(refresh_rate=5, leave=True)
        self._terminal, self._due = sys.stdout.isatty(), 0.0
        if not self._terminal:
            self.disable()

    def enable(self) -> None:
        if self._terminal:
            super().enable()

    @property
    def total_train_batches(self) -> int | float:
        # The stream is endless; the run is not.
        return self.trainer.max_steps

    def get_metrics(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> dict[str, Any]:
        # Not Lightning's own metrics: those are tensors on the device, and this is called after every step.
        return dict(pl_module.shown) if isinstance(pl_module, SegmentTraining) else {}

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)
        step = trainer.global_step - 1  # callbacks come before the module, which has logged the step before this one
        if self._terminal or not trainer.is_global_zero or time.monotonic() < self._due:
            return
        shown = self.get_metrics(trainer, pl_module)
        if shown and isinstance(pl_module, SegmentTraining) and step % pl_module.log_every_steps == 0:
            self._due = time.monotonic() + LINE_SECONDS
            values = ", ".join(f"{name} {value:.4g}" for name, value in shown.items())
            print(f"training: step {step} of {trainer.max_steps}, {values}", file=sys.stderr, flush=True)
