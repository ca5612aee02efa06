"""The progress bar: Lightning's Rich bar without the columns that mean nothing here."""

from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import RichProgressBar

from hrmlab.training.module import SegmentTraining


class Progress(RichProgressBar):
    """Steps of the whole run, with loss, exact accuracy and examples per second."""

    def __init__(self) -> None:
        super().__init__(refresh_rate=5, leave=True)

    @property
    def total_train_batches(self) -> int | float:
        # The stream is endless; the run is not.
        return self.trainer.max_steps

    def get_metrics(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> dict[str, Any]:
        # Not Lightning's own metrics: those are tensors on the device, and this is called after every step.
        return dict(pl_module.shown) if isinstance(pl_module, SegmentTraining) else {}
