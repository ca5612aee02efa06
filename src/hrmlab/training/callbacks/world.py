"""Proof that a distributed run has the processes that it was asked for."""

import lightning.pytorch as pl
import torch

from hrmlab.core.errors import TrainingFailed


class ProveWorldSize(pl.Callback):
    """Before the first step every process adds a one; the sum must be the number of processes asked for.

    Launchers have been seen to start a "distributed" run in which every process trained alone and exit with code 0.
    """

    def __init__(self, expected: int) -> None:
        self.expected = expected

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        ones = torch.ones((), device=trainer.strategy.root_device)
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(ones)
        if int(ones) != self.expected:
            raise TrainingFailed(
                f"{self.expected} processes were asked for and {int(ones)} answered before the first step",
                hint="start distributed jobs with hrm-train or hrm-sweep, not from inside another Python program or an in-process multirun",
            )
