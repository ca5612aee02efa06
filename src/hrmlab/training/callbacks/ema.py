"""Lightning's exponential moving average of the weights, kept where the weights are."""

import lightning.pytorch as pl
from lightning.pytorch.callbacks import EMAWeightAveraging


class DeviceEMA(EMAWeightAveraging):
    """The average lives on the training device.

    Lightning makes it before it moves the module, that is on the CPU, and would then copy every weight to the host in every step. Its
    step counter, which torch reads as a condition in every update, stays on the CPU so that reading it waits for nothing.
    """

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self._device = trainer.strategy.root_device
        super().setup(trainer, pl_module, stage)
        if self._average_model is not None:
            self._average_model.n_averaged = self._average_model.n_averaged.cpu()
