"""The width solver: the one place where task, size and architecture meet.

Depth, cycles and head size are choices of the recipe; hidden size and MLP width follow from the budget, so that every arm of a
comparison has the same number of parameters within 1 % for the task's vocabulary.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch

from hrmlab.budget.count import count_flops, non_embedding_count, parameter_count
from hrmlab.core.components import build
from hrmlab.core.errors import UserError
from hrmlab.core.randomness import stream_key
from hrmlab.core.task import TaskSpec
from hrmlab.models.reasoner import Reasoner

TOLERANCE = 0.01
_PREFERRED_MLP_RATIO = 8 / 3  # SwiGLU's three matrices then weigh as much as the two of a four times wider plain MLP
_MLP_MULTIPLES = (8, 2, 1)

Match = Literal["parameters", "non_embedding"]


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What was asked for and what the model came to; ``budget.json`` of a run.

    Attributes:
        gap: (matched count - target) / target.
    """

    size: str
    target_parameters: int
    match: Match
    parameters: int
    non_embedding_parameters: int
    gap: float
    hidden_size: int
    num_heads: int
    mlp_width: int
    flops_per_training_segment: int
    flops_per_training_example: int
    flops_per_inference_example: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class _Shape:
    hidden_size: int
    num_heads: int
    mlp_width: int


def build_reasoner(
    *, model: Mapping[str, Any], task: TaskSpec, size: Mapping[str, Any], match: Match, seed: int
) -> tuple[Reasoner, Budget]:
    """A freshly initialised reasoner as wide as the budget allows, and the account of it.

    Args:
        model: section of ``conf/model``; ``hidden_size``, ``num_heads`` and ``mlp_width`` are solved where they are null.
        task: what the model is for.
        size: section of ``conf/size``: name, parameters, head_size.
        match: which count is made equal to ``size.parameters``.
        seed: of the initialisation.

    Raises:
        UserError: sizes that do not divide, or a budget that no width meets.
    """
    shape = _solve(model=model, task=task, size=size, match=match)
    with torch.device("meta"):
        ghost = _construct(model, task, shape)
        flops = count_flops(ghost)
    parameters, non_embedding = parameter_count(ghost), non_embedding_count(ghost)
    counted = parameters if match == "parameters" else non_embedding
    budget = Budget(
        size=size["name"],
        target_parameters=size["parameters"],
        match=match,
        parameters=parameters,
        non_embedding_parameters=non_embedding,
        gap=counted / size["parameters"] - 1,
        hidden_size=shape.hidden_size,
        num_heads=shape.num_heads,
        mlp_width=shape.mlp_width,
        flops_per_training_segment=flops.training_segment,
        flops_per_training_example=flops.training_example,
        flops_per_inference_example=flops.inference_example,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_key(seed, "initialization"))
        return _construct(model, task, shape), budget


def _construct(model: Mapping[str, Any], task: TaskSpec, shape: _Shape) -> Reasoner:
    return build({**model, **asdict(shape)}, task=task)


def _solve(*, model: Mapping[str, Any], task: TaskSpec, size: Mapping[str, Any], match: Match) -> _Shape:
    target = size["parameters"]

    def count(shape: _Shape) -> int:
        with torch.device("meta"):
            ghost = _construct(model, task, shape)
        return parameter_count(ghost) if match == "parameters" else non_embedding_count(ghost)

    best: tuple[float, _Shape] | None = None
    nearest: tuple[float, int] | None = None
    for hidden_size, num_heads in _widths(model, size):
        if model["mlp_width"] is not None:
            # Nothing but the hidden size is free: take the nearest, whatever the gap; the report prints it.
            shape = _Shape(hidden_size, num_heads, model["mlp_width"])
            counted = count(shape)
            distance = abs(counted / target - 1)
            if best is None or distance < best[0]:
                best = (distance, shape)
            if counted > target:
                break
            continue
        narrowest = count(_Shape(hidden_size, num_heads, 1))
        if narrowest > target * (1 + TOLERANCE):
            nearest = min(filter(None, (nearest, (narrowest / target - 1, narrowest))))
            break
        slope = count(_Shape(hidden_size, num_heads, 2)) - narrowest
        fitting = _fitting_mlp_width(target, narrowest, slope)
        if fitting is None:
            continue
        distance = abs(math.log(fitting / hidden_size / _PREFERRED_MLP_RATIO))
        if best is None or distance < best[0]:
            best = (distance, _Shape(hidden_size, num_heads, fitting))
    if best is None:
        seen = f"the narrowest {model['name']} has {nearest[1]:,}" if nearest else "no MLP width comes within 1 %"
        raise UserError(
            f"size.parameters={target:,} cannot be met by model '{model['name']}' with size.head_size={size['head_size']} ({seen}); "
            "choose a larger size, a smaller head_size or fewer layers"
        )
    return best[1]


def _fitting_mlp_width(target: int, narrowest: int, slope: int) -> int | None:
    """The MLP width, as round a number as possible, that brings the count within tolerance of the target."""
    exact = 1 + (target - narrowest) / slope
    for multiple in _MLP_MULTIPLES:
        width = max(multiple, round(exact / multiple) * multiple)
        if abs((narrowest + (width - 1) * slope) / target - 1) <= TOLERANCE:
            return width
    return None


def _widths(model: Mapping[str, Any], size: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
    """(hidden_size, num_heads) to try, narrow to wide; just one where the user fixed the hidden size."""
    head_size: int = size["head_size"]
    if head_size % 2:
        raise UserError(f"size.head_size={head_size} is odd; rotary positions need an even one, for example {head_size + 1}")
    hidden_size, num_heads = model["hidden_size"], model["num_heads"]
    if hidden_size is None:
        step = head_size if num_heads is None else num_heads * 2
        for factor in range(1, 4096):
            yield factor * step, factor if num_heads is None else num_heads
        return
    if num_heads is None:
        if hidden_size % head_size:
            raise UserError(_not_divisible("model.hidden_size", hidden_size, "size.head_size", head_size))
        num_heads = hidden_size // head_size
    if hidden_size % (2 * num_heads):
        raise UserError(_not_divisible("model.hidden_size", hidden_size, "2 x model.num_heads", 2 * num_heads))
    yield hidden_size, num_heads


def _not_divisible(field: str, value: int, divisor_name: str, divisor: int) -> str:
    nearest = max(1, round(value / divisor)) * divisor
    return f"{field}={value} is not divisible by {divisor_name}={divisor}; nearest is {nearest}"
