"""Lightning's exponential moving average of the weights, kept where the weights are."""

import lightning.pytorch as pl
from lightning.pytorch.callbacks import EMAWeightAveraging


class DeviceEMA(EMAWeightAveraging):
    """The average lives on the training device.

    Lightning makes it before it moves the module, that is on the CPU, and would then copy every weight to the host in every step. Its
    step counter, which torch reads as a condition in every update, stays on the CPU so that reading it waits for nothing.

    Args:
        decay: of the average.
        start: the step from which on there is an average. Before it the average is a copy of the weights, so that what is validated and
            saved is what was trained, and the average then starts from there.
    """

    def __init__(self, *, decay: float, start: int = 0) -> None:
        super().__init__(decay=decay, use_buffers=False)
        self._start = start

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
        if step_idx is not None and step_idx < self._start and self._average_model is not None:
            self._average_model.n_averaged.zero_()  # torch copies the weights into an average of none
        return super().should_update(step_idx, epoch_idx)

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self._device = trainer.strategy.root_device
        super().setup(trainer, pl_module, stage)
        if self._average_model is not None:
            self._average_model.n_averaged = self._average_model.n_averaged.cpu()
