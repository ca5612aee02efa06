"""Lightning's exponential moving average of the weights, kept where the weights are."""

from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging

from hrmlab.training.module import SegmentTraining
from hrmlab.training.sharded_strategy import WatchedFSDP
from hrmlab.training.sharding import load_whole, whole


class DeviceEMA(EMAWeightAveraging):
    """The average lives on the training device, and in parts where the weights are in parts.

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
        in_parts = isinstance(trainer.strategy, WatchedFSDP)
        self._device = torch.device("cpu") if in_parts else trainer.strategy.root_device  # whole, it may not fit there
        super().setup(trainer, pl_module, stage)
        if self._average_model is not None:
            self._average_model.n_averaged = self._average_model.n_averaged.cpu()

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if isinstance(trainer.strategy, WatchedFSDP) and self._average_model is not None:
            assert isinstance(self._average_model.module, SegmentTraining)
            trainer.strategy.put_in_place(self._average_model.module)  # before a checkpoint is read into it

    def on_save_checkpoint(self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(trainer, pl_module, checkpoint)
        if isinstance(trainer.strategy, WatchedFSDP):
            checkpoint["state_dict"] = whole(checkpoint["state_dict"], kept=trainer.is_global_zero)

    def on_load_checkpoint(self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]) -> None:
        if not isinstance(trainer.strategy, WatchedFSDP):
            super().on_load_checkpoint(trainer, pl_module, checkpoint)
            return
        assert self._average_model is not None
        average = {f"module.{name}": value for name, value in checkpoint["state_dict"].items()}
        load_whole(self._average_model, {**average, **checkpoint["averaging_state"]})
        load_whole(pl_module, checkpoint["current_model_state"])
