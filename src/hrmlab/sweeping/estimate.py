"""What a sweep will take, from a few steps of each of its arms: time on this machine, and floating-point operations."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import pandas as pd

from hrmlab.config.composition import Composer
from hrmlab.core.errors import UserError
from hrmlab.sweeping.jobs import Job
from hrmlab.sweeping.resources import share_out

_STEPS = 12
_WARM_UP = 3
"""Steps that are not counted: allocation, first kernels."""
_EVALUATIONS = 4
"""Beside the validations of training, in validations: the last one, the test, and the test's further segments."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of one run.

    Attributes:
        seconds: of wall time, about; alone on as many cores as it was measured with.
        flops: floating-point operations of its training, exactly as its record will have them.
        parameters: of its model.
    """

    seconds: float
    flops: int
    parameters: int


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Of a sweep.

    Attributes:
        by_arm: cost of one run of each arm on each task at each size, by (task, arm, size).
        runs: how many there are.
        at_once: how many of them at a time.
        seconds: of wall time, about, on this machine.
        flops: of all.
    """

    by_arm: dict[tuple[str, str, str], Cost]
    runs: int
    at_once: int
    seconds: float
    flops: int


def estimate(composing: Composer, jobs: Sequence[Job], *, told: Callable[[Job], None], limit: int | None = None) -> Estimate:
    """Train a few steps of one job of each arm, task and size, in a folder that is removed again.

    Args:
        composing: that composed the jobs.
        jobs: of a sweep, at least one.
        told: is called with each job before it is measured.
        limit: most jobs at once; None for as many as the cores hold.

    Raises:
        UserError: a job cannot be trained, as the sweep would say, or takes several processes.
    """
    if many := [job.config.trainer.devices for job in jobs if job.config.trainer.devices > 1]:
        raise UserError(f"trainer.devices={many[0]}: a few steps are measured in one process; use trainer.devices=1 and divide the time")
    machine, needs = share_out([vars(job.config.trainer) for job in jobs], limit=limit)
    by_arm: dict[tuple[str, str, str], Cost] = {}
    for job, need in zip(jobs, needs, strict=True):
        key = _key(job)
        if key not in by_arm:
            told(job)
            by_arm[key] = _measured(composing, job, threads=need.threads)
    costs = [by_arm[_key(job)] for job in jobs]
    longest, total = max(cost.seconds for cost in costs), sum(cost.seconds for cost in costs)
    seconds = max(longest, total / machine.limit)
    return Estimate(by_arm=by_arm, runs=len(jobs), at_once=machine.limit, seconds=seconds, flops=sum(cost.flops for cost in costs))


def _key(job: Job) -> tuple[str, str, str]:
    return job.labels.task, job.labels.arm, job.labels.size


def _measured(composing: Composer, job: Job, *, threads: int) -> Cost:
    from hrmlab.runs.directory import RunDirectory
    from hrmlab.workflows.fit import fitted
    from hrmlab.workflows.prepare import prepare

    steps = min(_STEPS, job.config.training.steps)
    with tempfile.TemporaryDirectory(prefix="hrmlab-estimate-") as folder:
        words = [
            *job.overrides,
            f"training.steps={steps}",
            f"training.validate_every_steps={max(1, steps // 2)}",  # twice: the first one may compile
            "training.log_every_steps=1",
            "training.time_limit_minutes=null",
            "optimizer.warmup_steps=0",
            f"trainer.threads={threads}",
            "trainer.progress_bar=false",
            "logger=csv",
            f"output_root={folder}",
        ]
        config = composing.compose(words).config
        run = RunDirectory.create(output_root=folder, labels=job.labels, config=config.to_plain(), overrides=words)
        prepared = prepare(config)
        with run.locked():
            with fitted(prepared, run):
                pass
            measured = pd.read_csv(run.metrics_file)
    of_step, of_validation, to_start = _parts(measured)
    training = job.config.training
    validations = training.steps // training.validate_every_steps + _EVALUATIONS
    flops = training.steps * training.batch_size * prepared.budget.flops_per_training_segment
    seconds_of_run = to_start + of_step * training.steps + of_validation * validations
    return Cost(seconds=seconds_of_run, flops=flops, parameters=prepared.budget.parameters)


def _parts(measured: pd.DataFrame) -> tuple[float, float, float]:
    """Seconds of a step, of a validation, and of what is done once before the second step, such as compiling; from a metrics.csv."""
    trained = measured[measured["metric"] == "train/loss"]
    ends = dict(zip(trained["step"].tolist(), trained["seconds"].tolist(), strict=True))
    between = [later - sooner for sooner, later in pairwise(ends.values())]
    of_step = median(between[_WARM_UP:] or between or ends.values())
    validated = measured[measured["metric"].str.startswith("val/")]
    of_validations = [
        end - ends[step] for step, end in zip(validated["step"].tolist(), validated["seconds"].tolist(), strict=True) if step in ends
    ]
    return of_step, max(0.0, *of_validations[-1:], 0.0), max(0.0, next(iter(ends.values())) - of_step)
