"""When to write checkpoints, and the refusal to write bad ones."""

import time
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch

from hrmlab.core.errors import TrainingFailed
from hrmlab.runs.directory import BEST, LAST
from hrmlab.training.interruption import StopRequested, StopSignal
from hrmlab.training.module import SegmentTraining
from hrmlab.training.sharding import own_part

_WORTH_SAVING_SECONDS = 30.0
_STEPS_BETWEEN_AGREEMENTS = 10


class SaveCheckpoints(pl.Callback):
    """``last.ckpt`` every so many steps and minutes, before validations and when asked to stop; ``best.ckpt`` at the best validation:
    most grids right, then most cells right, then the later one.

    Lightning's own ModelCheckpoint saves by steps or by time, not both, and not on a signal. Saving happens between two steps, where
    Lightning's progress counters agree with the weights, so that a resumed run repeats nothing and skips nothing.

    Args:
        folder: where the files go.
        every_steps: optimizer steps between two saves.
        every_minutes: wall time between two saves.
        validate_every_steps: where validations fall, to save before them.
        stop: the signal that asks to save and stop.
    """

    def __init__(self, folder: Path, *, every_steps: int, every_minutes: float, validate_every_steps: int, stop: StopSignal) -> None:
        self.folder, self.stop = folder, stop
        self.every_steps, self.every_seconds, self.validate_every_steps = every_steps, every_minutes * 60, validate_every_steps
        self.best_score, self.best_step = (-1.0, -1.0), 0
        self._saved_at, self._saved_step = time.monotonic(), -1

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._saved_at, self._saved_step = time.monotonic(), trainer.global_step
        self.stop.listen()

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int) -> None:
        step = trainer.global_step
        age = time.monotonic() - self._saved_at
        # A validation can take long; whoever kills the run during it should lose one step, not the time since the last save.
        before_validation = (step + 1) % self.validate_every_steps == 0 and age > _WORTH_SAVING_SECONDS
        by_steps = step > 0 and step % self.every_steps == 0
        by_time, stopped = before_validation or age > self.every_seconds, self.stop.received is not None
        if trainer.world_size > 1:  # clocks and signals differ between processes: now and then, what one wants all do
            agreed = step % _STEPS_BETWEEN_AGREEMENTS == 0 or (step + 1) % self.validate_every_steps == 0
            by_time, stopped = self._agree(trainer, by_time) if agreed else (False, False)
        if (by_steps or by_time or stopped) and step > self._saved_step:
            self.save(trainer, pl_module, LAST)
            self._saved_at, self._saved_step = time.monotonic(), step
        if stopped:
            raise StopRequested

    def _agree(self, trainer: pl.Trainer, by_time: bool) -> tuple[bool, bool]:
        wishes = torch.tensor([by_time, self.stop.received or 0], device=trainer.strategy.root_device)
        torch.distributed.all_reduce(wishes, op=torch.distributed.ReduceOp.MAX)
        anyone_by_time, number = wishes.tolist()
        self.stop.received = number or None
        return bool(anyone_by_time), number > 0

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        assert isinstance(pl_module, SegmentTraining)
        if trainer.global_step % pl_module.log_every_steps == 0:  # where metrics are read from the device anyway
            self.check(trainer, pl_module)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.sanity_checking:
            return
        self.check(trainer, pl_module)
        # Cells decide among equals, and the later one among those: where no grid is solved yet, the first checkpoint is not the best.
        assert isinstance(pl_module, SegmentTraining)
        score = pl_module.validation_score
        if score >= self.best_score:
            self.best_score, self.best_step = score, trainer.global_step
            self.save(trainer, pl_module, BEST)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.save(trainer, pl_module, LAST)
        self.stop.let_go()

    def save(self, trainer: pl.Trainer, pl_module: pl.LightningModule, name: str) -> None:
        """Write a checkpoint of the state between two steps, if it is a good one."""
        self.check(trainer, pl_module)
        trainer.save_checkpoint(self.folder / name)

    def check(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop the run if a loss or a weight is not finite, on all processes if on one.

        Raises:
            TrainingFailed: with the first such step and the last good checkpoint.
        """
        assert isinstance(pl_module, SegmentTraining)
        step = pl_module.totals.first_bad_step
        if step is None and not bool(torch.stack([torch.isfinite(own_part(p)).all() for p in pl_module.parameters()]).all()):
            step = trainer.global_step
        if trainer.strategy.reduce_boolean_decision(step is not None, all=False):
            step = trainer.global_step if step is None else step
            good = next((name for name in (LAST, BEST) if (self.folder / name).exists()), None)
            raise TrainingFailed(
                f"the training loss or a weight was NaN or infinite at step {step}",
                hint=(
                    "lower optimizer.learning_rate, set training.gradient_clip=1.0, lengthen optimizer.warmup_steps, "
                    "or use training.precision=fp32"
                ),
                step=step,
                last_checkpoint=None if good is None else str(self.folder / good),
            )

    def on_save_checkpoint(self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]) -> None:
        # At the start of a batch Lightning counts it as ready already; a resumed run would then validate one step early for ever.
        for counts in ("total", "current"):
            progress = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"][counts]
            progress.update(dict.fromkeys(("ready", "started", "processed"), progress["completed"]))

    def state_dict(self) -> dict[str, Any]:
        return {"best_score": list(self.best_score), "best_step": self.best_step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best_score, self.best_step = tuple(state_dict["best_score"]), state_dict["best_step"]
