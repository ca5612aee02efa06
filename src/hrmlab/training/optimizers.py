"""Optimizers: which parameter gets which update, and how the learning rate moves.

Every function named in ``conf/optimizer`` takes the reasoner and returns one :class:`OptimizerBundle`, so that Lightning's automatic
optimization, its global step and its checkpoints see a single optimizer whatever is inside.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler

from hrmlab.config.values import AtLeast, FromZeroBelow, NotNegative, Positive, ScheduleName, Share, ZeroToOne
from hrmlab.core.components import Options
from hrmlab.layers.embeddings import PuzzleEmbedding
from hrmlab.models.reasoner import Reasoner
from hrmlab.training.muon import BatchedMuon
from hrmlab.training.parts import LearningRate, PartOptions, grouped
from hrmlab.training.schedules import learning_rate_schedule
from hrmlab.training.sharding import optimizer_state_cut


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
        schedule: see :meth:`schedule`.
        decay_share: see :meth:`schedule`.
        hold_share: see :meth:`schedule`.
    """

    def __init__(
        self,
        optimizers: list[torch.optim.Optimizer],
        *,
        warmup_steps: int,
        final_learning_rate_ratio: float,
        schedule: str = "cosine",
        decay_share: float = 0.2,
        hold_share: float = 0.0,
    ) -> None:
        self.optimizers = optimizers
        self.warmup_steps, self.final_learning_rate_ratio = warmup_steps, final_learning_rate_ratio
        self.schedule_kind, self.decay_share, self.hold_share = schedule, decay_share, hold_share
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
            optimizer.load_state_dict(optimizer_state_cut(optimizer, state))
        self.param_groups = [group for optimizer in self.optimizers for group in optimizer.param_groups]

    def schedule(self, *, steps: int) -> LRScheduler:
        """The learning rate's course over a run of so many steps; see :func:`hrmlab.training.schedules.learning_rate_schedule`."""
        return learning_rate_schedule(
            self,
            kind=self.schedule_kind,
            steps=steps,
            warmup_steps=self.warmup_steps,
            final_learning_rate_ratio=self.final_learning_rate_ratio,
            decay_share=self.decay_share,
            hold_share=self.hold_share,
        )


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
        schedule: the shape after the rise, or the dotted path of a function of the user's own.
        decay_share: of the steps between the rise and the hold, the part in which ``warmup_stable_decay`` falls.
        hold_share: of the steps after the rise, the part at the end in which the rate stays at its final value.
    """

    warmup_steps: Annotated[int, AtLeast(0)] = 100
    final_learning_rate_ratio: Annotated[float, ZeroToOne()] = 0.1
    schedule: Annotated[str, ScheduleName()] = "cosine"
    decay_share: Annotated[float, Share()] = 0.2
    hold_share: Annotated[float, FromZeroBelow(1.0)] = 0.0


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
    dense: list[torch.optim.Optimizer], puzzle: list[nn.Parameter], *, puzzles: PuzzleOptions, course: ScheduleOptions
) -> OptimizerBundle:
    """The dense optimizers and, where the model has puzzle embeddings, theirs."""
    if puzzle:
        rate, decay = puzzles.puzzle_embedding_learning_rate, puzzles.puzzle_embedding_weight_decay
        dense = [*dense, SparseSignDescent(puzzle, lr=rate, weight_decay=decay)]
    return OptimizerBundle(dense, **asdict(course))


WeightDecay = Annotated[float, NotNegative()]


def adamw(
    *,
    reasoner: Reasoner,
    adam: AdamOptions,
    puzzles: PuzzleOptions,
    course: ScheduleOptions,
    parts: PartOptions,
    learning_rate: LearningRate = 1e-3,
    weight_decay: WeightDecay = 0.1,
) -> OptimizerBundle:
    """AdamW (Loshchilov and Hutter 2019) on everything dense."""
    matrices, other, puzzle = _split(reasoner)
    groups = grouped([*matrices, *other], reasoner, parts)
    dense = torch.optim.AdamW(groups, lr=learning_rate, betas=adam.betas, weight_decay=weight_decay, foreach=True)
    return _bundle([dense], puzzle, puzzles=puzzles, course=course)


def adam_atan2(
    *,
    reasoner: Reasoner,
    adam: AdamOptions,
    puzzles: PuzzleOptions,
    course: ScheduleOptions,
    parts: PartOptions,
    learning_rate: LearningRate = 1e-4,
    weight_decay: WeightDecay = 1.0,
) -> OptimizerBundle:
    """Adam with atan2 in place of the division (Everett et al. 2024), the published HRM's choice, with its scales a = b = 1."""
    from adam_atan2_pytorch import AdamAtan2

    matrices, other, puzzle = _split(reasoner)
    groups = grouped([*matrices, *other], reasoner, parts)
    dense = AdamAtan2(groups, lr=learning_rate, betas=adam.betas, weight_decay=weight_decay, a=1.0, b=1.0)
    return _bundle([dense], puzzle, puzzles=puzzles, course=course)


def muon(
    *,
    reasoner: Reasoner,
    adam: AdamOptions,
    puzzles: PuzzleOptions,
    course: ScheduleOptions,
    parts: PartOptions,
    learning_rate: LearningRate = 1e-3,
    weight_decay: WeightDecay = 0.1,
    momentum: Annotated[float, FromZeroBelow(1.0)] = 0.95,
    other_learning_rate: LearningRate | None = None,
    other_weight_decay: WeightDecay | None = None,
    newton_schulz_precision: Literal["bf16", "fp32"] = "bf16",
) -> OptimizerBundle:
    """Muon (Jordan et al. 2024) on the matrices inside the stacks, AdamW on embeddings, heads and gains.

    Muon's update is rescaled to the size of an AdamW update (Liu et al. 2025), so that one learning rate serves both, unless AdamW is given
    values of its own (``other_learning_rate``, ``other_weight_decay``). A part's own rate (``learning_rates``) is that of all its
    parameters, whichever of the two updates them. A model without stacks is left to AdamW alone. Muon orthogonalises in bf16, as it was
    published, or in fp32, which CPUs without bf16 products do faster.
    """
    other_learning_rate = learning_rate if other_learning_rate is None else other_learning_rate
    other_weight_decay = weight_decay if other_weight_decay is None else other_weight_decay
    matrices, other, puzzle = _split(reasoner)
    dense: list[torch.optim.Optimizer] = []
    if matrices:
        groups = grouped(matrices, reasoner, parts)
        dtype = torch.bfloat16 if newton_schulz_precision == "bf16" else torch.float32
        options: dict[str, Any] = {"momentum": momentum, "adjust_lr_fn": "match_rms_adamw", "newton_schulz_dtype": dtype}
        dense.append(BatchedMuon(groups, lr=learning_rate, weight_decay=weight_decay, **options))
    groups = grouped(other, reasoner, parts)
    dense.append(torch.optim.AdamW(groups, lr=other_learning_rate, betas=adam.betas, weight_decay=other_weight_decay, foreach=True))
    return _bundle(dense, puzzle, puzzles=puzzles, course=course)
