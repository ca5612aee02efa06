"""Optimizers: which parameter gets which update, and how the learning rate moves.

Every function named in ``conf/optimizer`` takes the reasoner and returns one :class:`OptimizerBundle`, so that Lightning's automatic
optimization, its global step and its checkpoints see a single optimizer whatever is inside.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from hrmlab.config.values import AtLeast, FromZeroBelow, NotNegative, Positive, ZeroToOne
from hrmlab.core.components import Options
from hrmlab.layers.embeddings import PuzzleEmbedding
from hrmlab.models.reasoner import Reasoner


class SparseSignDescent(torch.optim.Optimizer):
    """Sign descent with decoupled weight decay on the rows that have a gradient (the HRM release's optimizer for puzzle embeddings).

    Rows that the batch did not use are neither moved nor decayed. A row used several times gets the sign of its summed gradient.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], *, lr: float, weight_decay: float) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        result = None
        if closure is not None:
            with torch.enable_grad():
                result = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                gradient = parameter.grad.coalesce() if parameter.grad.is_sparse else parameter.grad.to_sparse(1)
                rows = gradient.indices()[0]
                updated = parameter[rows] * (1 - group["lr"] * group["weight_decay"]) - group["lr"] * gradient.values().sign()
                parameter.index_copy_(0, rows, updated)
        return result


class OptimizerBundle(torch.optim.Optimizer):
    """Several optimizers that step together; their parameter groups are this one's, so one schedule drives them all.

    Args:
        optimizers: the parts.
        warmup_steps: see :meth:`schedule`.
        final_learning_rate_ratio: see :meth:`schedule`.
    """

    def __init__(self, optimizers: list[torch.optim.Optimizer], *, warmup_steps: int, final_learning_rate_ratio: float) -> None:
        self.optimizers = optimizers
        self.warmup_steps, self.final_learning_rate_ratio = warmup_steps, final_learning_rate_ratio
        groups = [group for optimizer in optimizers for group in optimizer.param_groups]
        super().__init__(groups, {})
        # Share, not copy: a scheduler that sets lr here must reach the optimizer that reads it.
        self.param_groups = groups

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        result = None
        if closure is not None:
            with torch.enable_grad():
                result = closure()
        for optimizer in self.optimizers:
            optimizer.step()
        return result

    def state_dict(self) -> dict[str, Any]:
        return {"optimizers": [optimizer.state_dict() for optimizer in self.optimizers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for optimizer, state in zip(self.optimizers, state_dict["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        self.param_groups = [group for optimizer in self.optimizers for group in optimizer.param_groups]

    def schedule(self, *, steps: int) -> LambdaLR:
        """Linear warm-up, then half a cosine from the peak down to ``final_learning_rate_ratio`` of it at ``steps``."""

        def factor(step: int) -> float:
            if step < self.warmup_steps:
                return (step + 1) / self.warmup_steps
            progress = min(1.0, (step - self.warmup_steps) / max(1, steps - self.warmup_steps))
            return self.final_learning_rate_ratio + (1 - self.final_learning_rate_ratio) * 0.5 * (1 + math.cos(math.pi * progress))

        return LambdaLR(self, factor)


def _split(reasoner: Reasoner) -> tuple[list[nn.Parameter], list[nn.Parameter], list[nn.Parameter]]:
    """Parameters as (matrices inside the stacks, all other dense ones, puzzle embeddings)."""
    tables = [module.weight for module in reasoner.modules() if isinstance(module, PuzzleEmbedding)]
    puzzle = {id(p): p for p in reasoner.parameters() if any(p is table for table in tables)}
    inner = {id(p): p for stack in reasoner.stacks() for p in stack.parameters() if p.dim() == 2}
    other = [p for p in reasoner.parameters() if id(p) not in puzzle and id(p) not in inner]
    return list(inner.values()), other, list(puzzle.values())


@dataclass(frozen=True, kw_only=True)
class PuzzleOptions(Options):
    """Of the sign descent on puzzle embeddings, where a model has them.

    Attributes:
        puzzle_embedding_learning_rate: the size of every step.
        puzzle_embedding_weight_decay: decoupled, on the rows of a batch.
    """

    puzzle_embedding_learning_rate: Annotated[float, Positive()] = 1e-2
    puzzle_embedding_weight_decay: Annotated[float, NotNegative()] = 0.1


@dataclass(frozen=True, kw_only=True)
class ScheduleOptions(Options):
    """See :meth:`OptimizerBundle.schedule`.

    Attributes:
        warmup_steps: of the linear rise.
        final_learning_rate_ratio: what is left of the peak at the end.
    """

    warmup_steps: Annotated[int, AtLeast(0)] = 100
    final_learning_rate_ratio: Annotated[float, ZeroToOne()] = 0.1


@dataclass(frozen=True, kw_only=True)
class AdamOptions(Options):
    """Decays of Adam's two moments."""

    beta1: Annotated[float, FromZeroBelow(1.0)] = 0.9
    beta2: Annotated[float, FromZeroBelow(1.0)] = 0.95

    @property
    def betas(self) -> tuple[float, float]:
        """As torch wants them."""
        return self.beta1, self.beta2


def _bundle(
    dense: list[torch.optim.Optimizer], puzzle: list[nn.Parameter], *, puzzles: PuzzleOptions, schedule: ScheduleOptions
) -> OptimizerBundle:
    """The dense optimizers and, where the model has puzzle embeddings, theirs."""
    if puzzle:
        rate, decay = puzzles.puzzle_embedding_learning_rate, puzzles.puzzle_embedding_weight_decay
        dense = [*dense, SparseSignDescent(puzzle, lr=rate, weight_decay=decay)]
    return OptimizerBundle(dense, warmup_steps=schedule.warmup_steps, final_learning_rate_ratio=schedule.final_learning_rate_ratio)


LearningRate = Annotated[float, Positive()]
WeightDecay = Annotated[float, NotNegative()]


def adamw(
    *,
    reasoner: Reasoner,
    adam: AdamOptions,
    puzzles: PuzzleOptions,
    schedule: ScheduleOptions,
    learning_rate: LearningRate = 1e-3,
    weight_decay: WeightDecay = 0.1,
) -> OptimizerBundle:
    """AdamW (Loshchilov and Hutter 2019) on everything dense."""
    matrices, other, puzzle = _split(reasoner)
    dense = torch.optim.AdamW([*matrices, *other], lr=learning_rate, betas=adam.betas, weight_decay=weight_decay, foreach=True)
    return _bundle([dense], puzzle, puzzles=puzzles, schedule=schedule)


def adam_atan2(
    *,
    reasoner: Reasoner,
    adam: AdamOptions,
    puzzles: PuzzleOptions,
    schedule: ScheduleOptions,
    learning_rate: LearningRate = 1e-4,
    weight_decay: WeightDecay = 1.0,
) -> OptimizerBundle:
    """Adam with atan2 in place of the division (Everett et al. 2024), the published HRM's choice, with its scales a = b = 1."""
    from adam_atan2_pytorch import AdamAtan2

    matrices, other, puzzle = _split(reasoner)
    dense = AdamAtan2([*matrices, *other], lr=learning_rate, betas=adam.betas, weight_decay=weight_decay, a=1.0, b=1.0)
    return _bundle([dense], puzzle, puzzles=puzzles, schedule=schedule)


def muon(
    *,
    reasoner: Reasoner,
    adam: AdamOptions,
    puzzles: PuzzleOptions,
    schedule: ScheduleOptions,
    learning_rate: LearningRate = 1e-3,
    weight_decay: WeightDecay = 0.1,
    momentum: Annotated[float, FromZeroBelow(1.0)] = 0.95,
) -> OptimizerBundle:
    """Muon (Jordan et al. 2024) on the matrices inside the stacks, AdamW on embeddings, heads and gains.

    Muon's update is rescaled to the size of an AdamW update (Liu et al. 2025), so that one learning rate serves both. A model without
    stacks is left to AdamW alone.
    """
    matrices, other, puzzle = _split(reasoner)
    parts: list[torch.optim.Optimizer] = []
    if matrices:
        parts.append(
            torch.optim.Muon(matrices, lr=learning_rate, weight_decay=weight_decay, momentum=momentum, adjust_lr_fn="match_rms_adamw")
        )
    parts.append(torch.optim.AdamW(other, lr=learning_rate, betas=adam.betas, weight_decay=weight_decay, foreach=True))
    return _bundle(parts, puzzle, puzzles=puzzles, schedule=schedule)
