"""What the recipes for GPUs would take, computed: parameters and operations by the project's own counters, on the meta device.

No GPU is needed, and none has been asked: hours follow from a stated utilisation of a stated card.
"""

import heapq
import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from hrmlab.budget.solver import build_reasoner
from hrmlab.config.composition import composer
from hrmlab.core.batches import Batch
from hrmlab.models.reasoner import Reasoner
from hrmlab.sweeping.jobs import Job, compose_jobs

SWEEPS = ("tiny", "small", "medium", "code_tiny", "code_small", "code_medium")
PEAK_FLOPS, UTILISATION = 989e12, 0.2
"""Dense bf16 operations a second of an NVIDIA H100 SXM as its data sheet has them, and the part of them that is reckoned with."""
STATE_BYTES = 4 + 4 + 8 + 2
"""Of a parameter: fp32 weight, gradient, two moments, and the copy in bf16."""


def planned_costs(options: dict[str, str]) -> dict[str, Any]:
    """For each sweep (``sweeps=tiny,small``: of these) and each kind of job: parameters, operations, memory, hours; and the hours of the
    sweep on 1, 4 and 8 GPUs with one job on each."""
    figures: dict[str, Any] = {}
    for sweep in options.get("sweeps", ",".join(SWEEPS)).split(","):
        with composer([]) as composing:
            jobs = compose_jobs(composing, [f"sweeps={sweep}"])
        known: dict[tuple[str, str], dict[str, float]] = {}
        hours = []
        for job in jobs:
            kind = (job.labels.task, job.labels.arm)
            if kind not in known:
                known[kind] = _of_job(job)
                figures[f"{sweep} {' '.join(kind)}"] = known[kind]
            hours.append(known[kind]["hours"])
        figures[sweep] = {"jobs": len(jobs), **{f"hours_{gpus}_gpus": round(_makespan(hours, gpus), 1) for gpus in (1, 4, 8)}}
    return figures


def _of_job(job: Job) -> dict[str, float]:
    config = job.config
    task = config.data.build().spec
    size = {"name": config.size.name, "parameters": config.size.parameters, "head_size": config.size.head_size}
    reasoner, budget = build_reasoner(model=config.model.to_section(), task=task, size=size, match=config.match, seed=0)
    batch = config.training.batch_size
    flops = budget.flops_per_training_segment * batch * config.training.steps
    kept = kept_bytes(reasoner.to("meta")) / (2 if config.training.precision == "bf16" else 1)
    return {
        "parameters": budget.parameters,
        "batch": batch,
        "steps": config.training.steps,
        "flops_per_training_segment": budget.flops_per_training_segment,
        "flops": flops,
        "hours": round(flops / (PEAK_FLOPS * UTILISATION) / 3600, 2),
        "state_gib": round(budget.parameters * STATE_BYTES / 2**30, 2),
        "activations_gib": round(kept * batch / 2**30, 1),
        "checkpoint_mb": round(budget.parameters * 13 / 1e6),
    }


def kept_bytes(reasoner: Reasoner) -> int:
    """What a segment of one example keeps for the backward pass in fp32, each storage once, without the parameters; eager, not compiled."""
    tokens = torch.zeros((1, reasoner.task.sequence_length), dtype=torch.int64, device="meta")
    batch = Batch(inputs=tokens, labels=tokens, puzzle_ids=torch.zeros(1, dtype=torch.int64, device="meta"))
    seen = {_storage(tensor) for tensor in reasoner.parameters()}
    alive: list[Tensor] = []

    def pack(tensor: Tensor) -> Tensor:
        if _storage(tensor) not in seen:
            seen.add(_storage(tensor))
            alive.append(tensor)
        return tensor

    carry = reasoner.initial_carry(1)
    with saved_tensors_hooks(pack, lambda tensor: tensor):
        reasoner(carry, batch)
    return sum(tensor.untyped_storage().nbytes() for tensor in alive)


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


def _makespan(hours: list[float], gpus: int) -> float:
    """Hours until all jobs are done, each starting on the GPU that is free first, in the sweep's order."""
    free = [0.0] * gpus
    for each in hours:
        heapq.heappush(free, heapq.heappop(free) + each)
    return math.ceil(max(free) * 10) / 10
