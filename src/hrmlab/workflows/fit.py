"""Trains a prepared run, from its newest checkpoint where it has one."""

import gc
import resource
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import lightning.pytorch as pl
import torch

from hrmlab.budget.utilisation import utilisation
from hrmlab.core.errors import LostProcess, memory_is_exhausted, peer_is_lost
from hrmlab.core.notices import notice
from hrmlab.core.processes import process_rank
from hrmlab.models.checkpoint import load_checkpoint, newest_checkpoint
from hrmlab.models.recomputing import recompute_blocks
from hrmlab.runs.directory import LAST, RunDirectory
from hrmlab.runs.metrics import MetricsWriter
from hrmlab.training.callbacks.ema import DeviceEMA
from hrmlab.training.callbacks.progress import Progress
from hrmlab.training.callbacks.save import SaveCheckpoints
from hrmlab.training.callbacks.world import ProveWorldSize
from hrmlab.training.checkpointing import AtomicCheckpointIO
from hrmlab.training.cluster import cluster_environment
from hrmlab.training.interruption import StopSignal, ending_as_interrupted
from hrmlab.training.loggers import ExtraLogger, MetricsFile, extra_loggers
from hrmlab.training.module import SegmentTraining, build_module
from hrmlab.training.peers import Watched, WatchedDDP
from hrmlab.training.sharded_strategy import WatchedFSDP
from hrmlab.workflows.building import reasoner_of
from hrmlab.workflows.prepare import Prepared


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A run that has been trained, its trainer still standing.

    Attributes:
        effort: what training took, as summary.json holds it.
        extra: loggers beside metrics.csv; none on processes but the first.
        metrics: the writer of metrics.csv; None on processes but the first.
        stop: the signals that ask the run to save and stop.
    """

    trainer: pl.Trainer
    module: SegmentTraining
    effort: dict[str, Any]
    extra: list[ExtraLogger]
    metrics: MetricsWriter | None
    stop: StopSignal

    def show_outcome(self, settings: Mapping[str, Any], outcome: Mapping[str, float]) -> None:
        """Give every logger what the run came to: settings by dotted key, numbers by name."""
        for logger in self.extra:
            logger.show_outcome(settings, outcome, self.trainer.global_step)


@contextmanager
def fitted(prepared: Prepared, run: RunDirectory) -> Iterator[Fitted]:
    """Train, and keep trainer and loggers open for what follows inside.

    Raises:
        TrainingFailed: the recipe diverged.
        KeyboardInterrupt: asked to stop; resumable.
    """
    stop = StopSignal()
    strategy = _strategy(prepared, run)
    with (
        _metrics_writer(run) as writer,
        _extra_loggers(prepared, run) as extra,
        _naming_the_lost(strategy),
        ending_as_interrupted(stop),
    ):
        trainer, module = _fit(prepared, run, writer, extra, stop, strategy)
        effort = _effort(prepared, trainer, module, run)
        yield Fitted(trainer=trainer, module=module, effort=effort, extra=extra, metrics=writer, stop=stop)


Strategy = WatchedDDP | WatchedFSDP | Literal["auto"]


def _strategy(prepared: Prepared, run: RunDirectory) -> Strategy:
    match prepared.config.trainer.strategy:
        case "ddp":
            return WatchedDDP(run.path)
        case "fsdp":
            return WatchedFSDP(run.path, processes=prepared.world_size)
        case "auto":
            return "auto"


@contextmanager
def _naming_the_lost(strategy: Strategy) -> Iterator[None]:
    """Say which process of a distributed run is gone where its going ends this one.

    Raises:
        LostProcess: it is known which.
    """
    try:
        yield
    except BaseException as error:
        if isinstance(strategy, Watched):
            strategy.unwatched()
            if peer_is_lost(error) and (sentence := strategy.lost()):
                raise LostProcess(sentence) from error
        raise


def _fit(
    prepared: Prepared,
    run: RunDirectory,
    writer: MetricsWriter | None,
    extra: list[ExtraLogger],
    stop: StopSignal,
    strategy: Strategy,
) -> tuple[pl.Trainer, SegmentTraining]:
    """Train. A process that is alone and runs out of memory goes on from its newest checkpoint with its slots in twice as many parts."""
    config, reasoner = prepared.config, prepared.reasoner
    slots, parts = config.training.batch_size // prepared.world_size, config.training.gradient_accumulation
    while True:
        if config.training.gradient_checkpointing:
            recompute_blocks(reasoner)
        if config.training.compile:
            reasoner.compile_stacks()
        module = build_module(config, reasoner=reasoner, task=prepared.task, batch_size=slots, gradient_accumulation=parts)
        trainer, resumed_from = _trainer(prepared, run, writer, extra, stop, strategy)
        try:
            trainer.fit(module, datamodule=prepared.data, ckpt_path=resumed_from, weights_only=True)
            return trainer, module
        except Exception as error:
            if not memory_is_exhausted(error) or prepared.world_size > 1 or slots % (2 * parts):
                raise
        # Here the error is gone, and with it what its traceback held.
        stop.let_go()
        parts *= 2
        notice(f"out of memory: {slots} slots are computed in {parts} parts from here on (training.gradient_accumulation={parts})")
        del trainer, module
        reasoner, _ = reasoner_of(config, prepared.task)  # as at the start; a checkpoint replaces its weights
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


@contextmanager
def _metrics_writer(run: RunDirectory) -> Iterator[MetricsWriter | None]:
    """The writer of metrics.csv, on the process that owns the run directory."""
    if process_rank() != 0:
        yield None
        return
    with MetricsWriter(run.metrics_file) as writer:
        yield writer


@contextmanager
def _extra_loggers(prepared: Prepared, run: RunDirectory) -> Iterator[list[ExtraLogger]]:
    """The loggers beside metrics.csv, on the process that owns the run directory; closed however the run ends."""
    loggers = extra_loggers(prepared.config.logger, run) if process_rank() == 0 else []
    failed = True
    try:
        yield loggers
        failed = False
    finally:
        for logger in loggers:
            logger.close(failed)


def _trainer(
    prepared: Prepared,
    run: RunDirectory,
    writer: MetricsWriter | None,
    extra: list[ExtraLogger],
    stop: StopSignal,
    strategy: Strategy,
) -> tuple[pl.Trainer, Path | None]:
    """A Lightning Trainer for the run and the checkpoint to go on from, if there is one."""
    config = prepared.config
    training, section = config.training, config.trainer
    newest = newest_checkpoint(run.checkpoints)
    loggers: list[Any] = []
    if writer is not None:
        if newest is None or newest[1] < training.steps:  # what follows a finished training is cut where it goes on
            writer.truncate_after(0 if newest is None else newest[1])
        loggers = [MetricsFile(writer), *(logger.lightning for logger in extra)]
    saving = SaveCheckpoints(
        run.checkpoints,
        every_steps=training.checkpoint_every_steps,
        every_minutes=training.checkpoint_every_minutes,
        validate_every_steps=training.validate_every_steps,
        stop=stop,
    )
    callbacks: list[pl.Callback] = [ProveWorldSize(prepared.world_size), saving]
    if training.ema_decay is not None:
        # After the saving: at the end of training this one overwrites the trained weights with their averages.
        callbacks.append(DeviceEMA(decay=training.ema_decay, start=training.ema_from))
    if section.progress_bar:
        callbacks.append(Progress(flops_per_step=training.batch_size * prepared.budget.flops_per_training_segment))
    limit = training.time_limit_minutes
    trainer = pl.Trainer(
        accelerator=section.accelerator,
        devices=section.devices,
        num_nodes=section.num_nodes,
        strategy=strategy,
        max_steps=training.steps,
        max_epochs=-1,
        max_time=None if limit is None else timedelta(minutes=limit),
        val_check_interval=min(training.validate_every_steps, training.steps),
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        logger=loggers,
        callbacks=callbacks,
        plugins=[AtomicCheckpointIO(), cluster_environment()],
        default_root_dir=run.path,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=section.progress_bar,
        use_distributed_sampler=False,
    )
    return trainer, None if newest is None else newest[0]


def _effort(prepared: Prepared, trainer: pl.Trainer, module: SegmentTraining, run: RunDirectory) -> dict[str, Any]:
    """What training took, over all processes and resumes."""
    ranks = load_checkpoint(run.checkpoints / LAST)["training"]["ranks"]
    segments = trainer.global_step * prepared.config.training.batch_size
    on_gpu = module.device.type == "cuda"
    spent = module.spent()
    peak = torch.cuda.max_memory_allocated() if on_gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    flops = segments * prepared.budget.flops_per_training_segment
    used = _used(prepared, flops, spent.seconds) if on_gpu else None
    return {
        "steps": trainer.global_step,
        "segments": segments,
        "examples_drawn": 0 if ranks[0]["stream"] is None else ranks[0]["stream"]["drawn"],
        "tokens": segments * prepared.task.spec.sequence_length,
        "flops": flops,
        **({} if used is None else {"model_flops_utilisation": used}),
        "wall_seconds": spent.seconds,
        "cpu_seconds": spent.cpu_seconds,
        "other_load": spent.other_load,
        "peak_memory_bytes": peak,
        "gradient_accumulation": module.gradient_accumulation,
    }


def _used(prepared: Prepared, flops: int, seconds: float) -> float | None:
    """The share of what the GPUs could have computed in the time of training, validations included."""
    precision = prepared.config.training.precision
    return utilisation(flops, seconds, device=torch.cuda.get_device_name(), devices=prepared.world_size, precision=precision)
