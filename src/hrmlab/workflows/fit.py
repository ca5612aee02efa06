"""One run from its configuration to its summary. The run directory is all that it leaves behind."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch

from hrmlab.audits.splits import audit_splits
from hrmlab.budget.solver import Budget, build_reasoner
from hrmlab.config.schema import Trainer
from hrmlab.core.components import build
from hrmlab.core.errors import UserError
from hrmlab.core.processes import process_rank
from hrmlab.data.code.task import CodeTask
from hrmlab.data.example_set import ExampleSet
from hrmlab.data.task import Task
from hrmlab.data.training_stream import order_hash
from hrmlab.evaluation.code.results import with_code_scores
from hrmlab.evaluation.code.scoring import CodeScore, problem_sets, score_code
from hrmlab.evaluation.summary import accuracy_by_rating, example_table, write_table
from hrmlab.models.checkpoint import BEST, LAST, load_checkpoint, newest_checkpoint
from hrmlab.runs.directory import RunDirectory
from hrmlab.runs.metrics import MetricsWriter
from hrmlab.runs.provenance import provenance
from hrmlab.training.callbacks.ema import DeviceEMA
from hrmlab.training.callbacks.progress import Progress
from hrmlab.training.callbacks.save import SaveCheckpoints
from hrmlab.training.callbacks.world import ProveWorldSize
from hrmlab.training.checkpointing import AtomicCheckpointIO
from hrmlab.training.datamodule import TaskDataModule
from hrmlab.training.interruption import StopSignal, ending_as_interrupted
from hrmlab.training.loggers import MetricsFile, extra_loggers
from hrmlab.training.module import SegmentTraining, build_module
from hrmlab.training.process import prepare_process
from hrmlab.workflows.audit import audit_run


def train(config: dict[str, Any], run: RunDirectory) -> dict[str, Any]:
    """Train, evaluate, and return what summary.json will hold. Goes on from the newest checkpoint if the directory has one.

    Args:
        config: the resolved configuration as plain data.
        run: the run's directory, locked by the caller.

    Raises:
        UserError: something in the configuration or the data must be mended first.
        TrainingFailed: the recipe diverged.
        KeyboardInterrupt: asked to stop; resumable.
    """
    training, trainer_section = config["training"], config["trainer"]
    world_size = trainer_section["devices"] * trainer_section["num_nodes"]
    if training["batch_size"] % world_size:
        nearest = max(1, round(training["batch_size"] / world_size)) * world_size
        raise UserError(
            f"training.batch_size={training['batch_size']} is not divisible by the {world_size} processes of the run; nearest is {nearest}"
        )
    prepare_process(Trainer(**trainer_section))
    task: Task = build(config["data"])
    reasoner, budget = build_reasoner(
        model=config["model"], task=task.spec, size=config["size"], match=config["match"], seed=config["seed"]
    )
    if world_size > 1 and trainer_section["accelerator"] == "gpu" and config["model"].get("puzzle_embedding_size"):
        raise UserError(
            f"model.puzzle_embedding_size={config['model']['puzzle_embedding_size']} has sparse gradients, which NCCL cannot add up over "
            f"{world_size} GPUs; use trainer.devices=1, or model.puzzle_embedding_size=0"
        )
    data = TaskDataModule(
        task=task,
        seed=config["seed"],
        evaluation_batch_size=training["evaluation_batch_size"],
        validation_examples=training["validation_examples"],
        progress=trainer_section["progress_bar"],
    )
    if process_rank() == 0:
        run.write_json("provenance.json", provenance())
        run.write_json("budget.json", budget.to_dict())
        order = order_hash(config["seed"], data.splits.train)
        about = audit_splits(data.splits, spec=task.spec, order_hash=order, chance=task.chance(data.splits.test))
        run.write_json("data.json", about | ({"tokenizer": task.tokenizer.facts()} if isinstance(task, CodeTask) else {}))
    if process_rank() == 0 and run.read_json("audit.json") is None:  # a resumed run has been through it
        run.write_json("audit.json", audit_run(config, task=task, reasoner=reasoner))
    if training["compile"]:
        reasoner.compile_stacks()
    module = build_module(config, reasoner=reasoner, task=task, batch_size=training["batch_size"] // world_size)
    with _metrics_writer(run) as writer:
        stop = StopSignal()
        trainer, resumed_from = _trainer(config, run, writer, stop)
        with ending_as_interrupted(stop):
            trainer.fit(module, datamodule=data, ckpt_path=resumed_from, weights_only=True)
            steps, seconds = trainer.global_step, module.seconds
            chosen = BEST if training["evaluate"] == "best" and (run.checkpoints / BEST).exists() else LAST
            checkpoint = load_checkpoint(run.checkpoints / chosen)
            module.load_state_dict(checkpoint["state_dict"])
            validation, _ = _evaluate(trainer, module, task, data.splits.validation, data)
            test, table = _evaluate(trainer, module, task, data.splits.test, data)
            others = {name: _evaluate(trainer, module, task, examples, data)[0] for name, examples in data.splits.other_tests.items()}
            code = _score_code(config, run, module, task, trainer) if isinstance(task, CodeTask) else {}
    if code:
        test, table, others = with_code_scores(code, test=test, table=table, others=others)
    if process_rank() == 0:
        write_table(table, run.predictions_file)
    return {
        "score": "pass_at_1" if "pass_at_1" in test else "exact_accuracy",
        "test": test,
        "other_tests": others,
        "validation": validation,
        "training": _effort(
            config, module, budget, steps=steps, seconds=seconds, drawn=_drawn(checkpoint=load_checkpoint(run.checkpoints / LAST))
        ),
        "checkpoint": {"rule": training["evaluate"], "step": checkpoint["global_step"]},
    }


@contextmanager
def _metrics_writer(run: RunDirectory) -> Iterator[MetricsWriter | None]:
    """The writer of metrics.csv, on the process that owns the run directory."""
    if process_rank() != 0:
        yield None
        return
    with MetricsWriter(run.metrics_file) as writer:
        yield writer


def _trainer(config: dict[str, Any], run: RunDirectory, writer: MetricsWriter | None, stop: StopSignal) -> tuple[pl.Trainer, Path | None]:
    """A Lightning Trainer for the run and the checkpoint to go on from, if there is one."""
    training, section = config["training"], config["trainer"]
    newest = newest_checkpoint(run.checkpoints)
    loggers: list[Any] = []
    if writer is not None:
        if newest is not None:
            writer.truncate_after(newest[1])
        loggers = [MetricsFile(writer), *extra_loggers(config["logger"], run, config)]
    saving = SaveCheckpoints(
        run.checkpoints,
        every_steps=training["checkpoint_every_steps"],
        every_minutes=training["checkpoint_every_minutes"],
        validate_every_steps=training["validate_every_steps"],
        stop=stop,
    )
    callbacks: list[pl.Callback] = [ProveWorldSize(section["devices"] * section["num_nodes"]), saving]
    if training["ema_decay"] is not None:
        # After the saving: at the end of training this one overwrites the trained weights with their averages.
        callbacks.append(DeviceEMA(decay=training["ema_decay"], use_buffers=False))
    if section["progress_bar"]:
        callbacks.append(Progress())
    limit = training["time_limit_minutes"]
    trainer = pl.Trainer(
        accelerator=section["accelerator"],
        devices=section["devices"],
        num_nodes=section["num_nodes"],
        strategy=section["strategy"],
        max_steps=training["steps"],
        max_epochs=-1,
        max_time=None if limit is None else timedelta(minutes=limit),
        val_check_interval=min(training["validate_every_steps"], training["steps"]),
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        logger=loggers,
        callbacks=callbacks,
        plugins=[AtomicCheckpointIO()],
        default_root_dir=run.path,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=section["progress_bar"],
        use_distributed_sampler=False,
    )
    return trainer, None if newest is None else newest[0]


def _evaluate(
    trainer: pl.Trainer, module: SegmentTraining, task: Task, examples: ExampleSet, data: TaskDataModule
) -> tuple[dict[str, Any], Any]:
    """Metrics and the per-example table of a whole split, every row once over all processes."""
    trainer.test(module, dataloaders=data.evaluation_loader(examples), verbose=False)
    table = example_table(module.recorder.columns(world_size=trainer.world_size), examples, task)
    return {"count": len(table), **module.split_metrics, "by_rating": accuracy_by_rating(table)}, table


def _score_code(
    config: dict[str, Any], run: RunDirectory, module: SegmentTraining, task: CodeTask, trainer: pl.Trainer
) -> dict[str, CodeScore]:
    """Scores of every problem set; empty on all processes but the first."""
    module.eval()
    module.to(trainer.strategy.root_device)
    module.computation.prepare()
    scores = score_code(
        module.computation,
        task,
        problem_sets(task, config["evaluation"]),
        settings=config["evaluation"],
        folder=run.path / "generations",
        seed=config["seed"],
        device=trainer.strategy.root_device,
        progress=config["trainer"]["progress_bar"],
        rank=trainer.global_rank,
        world_size=trainer.world_size,
    )
    module.computation.release()
    return scores


def _drawn(*, checkpoint: dict[str, Any]) -> int:
    """Examples that training drew, over all processes."""
    return sum(rank["stream"]["position"] for rank in checkpoint["training"]["ranks"] if rank["stream"] is not None)


def _effort(config: dict[str, Any], module: SegmentTraining, budget: Budget, *, steps: int, seconds: float, drawn: int) -> dict[str, Any]:
    """What training took."""
    segments = steps * config["training"]["batch_size"]
    on_gpu = module.device.type == "cuda"
    peak = torch.cuda.max_memory_allocated() if on_gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "steps": steps,
        "segments": segments,
        "examples_drawn": drawn,
        "tokens": segments * module.reasoner.task.sequence_length,
        "flops": segments * budget.flops_per_training_segment,
        "wall_seconds": seconds,
        "peak_memory_bytes": peak,
    }
