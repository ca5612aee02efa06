"""The progress bar: Lightning's Rich bar without the columns that mean nothing here."""

from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import RichProgressBar


class Progress(RichProgressBar):
    """Steps of the whole run, with loss, exact accuracy and examples per second."""

    def __init__(self) -> None:
        super().__init__(refresh_rate=5, leave=True)

    @property
    def total_train_batches(self) -> int | float:
        # The stream is endless; the run is not.
        return self.trainer.max_steps

    def get_metrics(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> dict[str, Any]:
        names = {"train/loss": "loss", "train/exact_accuracy": "exact", "train/examples_per_second": "examples/s"}
        names["val/exact_accuracy"] = "val exact"
        metrics = super().get_metrics(trainer, pl_module)
        return {names[name]: value for name, value in metrics.items() if name in names}
