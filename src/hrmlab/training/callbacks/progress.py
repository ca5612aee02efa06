"""Progress of training: Lightning's Rich bar without the columns that mean nothing here; lines where no terminal is."""

import sys
import time
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import RichProgressBar

from hrmlab.core.progress import LINE_SECONDS
from hrmlab.core.quantities import operations, remaining
from hrmlab.training.module import SegmentTraining


class Progress(RichProgressBar):
    """Steps of the whole run, with loss, exact accuracy, examples per second and what is left; what it will have cost, at the start.

    Args:
        flops_per_step: floating-point operations of a step over all processes.
    """

    def __init__(self, *, flops_per_step: int) -> None:
        super().__init__(refresh_rate=5, leave=True)
        self._terminal, self._due, self._flops_per_step = sys.stdout.isatty(), 0.0, flops_per_step
        self._start = (0, 0.0)
        if not self._terminal:
            self.disable()

    def enable(self) -> None:
        if self._terminal:
            super().enable()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        self._start = (trainer.global_step, time.monotonic())
        left = trainer.max_steps - trainer.global_step
        if trainer.is_global_zero and left > 0:
            print(
                f"training: {left} {'step' if left == 1 else 'steps'}, {operations(left * self._flops_per_step)}",
                file=sys.stderr,
                flush=True,
            )

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
            first, since = self._start
            left = remaining(step - first, trainer.max_steps - first, time.monotonic() - since)
            print(f"training: step {step} of {trainer.max_steps}, {values}{left and f', {left}'}", file=sys.stderr, flush=True)
