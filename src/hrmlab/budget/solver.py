"""The width solver: the one place where task, size and architecture meet.

Depth, cycles and head size are choices of the recipe; the arguments that a model declares as solvable follow from the budget, so that every
arm of a comparison has the same number of parameters within 1 % for the task's vocabulary.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch

from hrmlab.budget.count import Flops, count_flops, non_embedding_count, parameter_count
from hrmlab.budget.search import Sizing, solve
from hrmlab.core.components import build, locate
from hrmlab.core.errors import UserError
from hrmlab.core.randomness import stream_key
from hrmlab.core.task import TaskSpec
from hrmlab.models.reasoner import Reasoner

Match = Literal["parameters", "non_embedding"]
_counted: dict[tuple[type[Reasoner], str, TaskSpec], Flops] = {}
"""What this process has counted: that takes a second or more, and the runs of a grid share models."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What was asked for and what the model came to; ``budget.json`` of a run.

    Attributes:
        gap: (matched count - target) / target.
        solved: the arguments that the model declares as solvable, with their values.
    """

    size: str
    target_parameters: int
    match: Match
    parameters: int
    non_embedding_parameters: int
    gap: float
    solved: dict[str, int]
    flops_per_training_segment: int
    flops_per_training_example: int
    flops_per_inference_example: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def build_reasoner(
    *, model: Mapping[str, Any], task: TaskSpec, size: Mapping[str, Any], match: Match, seed: int
) -> tuple[Reasoner, Budget]:
    """A freshly initialised reasoner as wide as the budget allows, and the account of it.

    Args:
        model: section of ``conf/model``; the arguments that the model declares as solvable are solved where they are null.
        task: what the model is for.
        size: section of ``conf/size``: name, parameters, head_size.
        match: which count is made equal to ``size.parameters``.
        seed: of the initialisation.

    Raises:
        UserError: a model that cannot do the task's attention, sizes that do not divide, or a budget that no width meets.
    """
    kind: type[Reasoner] = locate(model["_target_"])
    if task.attention not in kind.attention_kinds:
        raise UserError(
            f"model={model['name']} supports {' and '.join(kind.attention_kinds)} attention only, and {task.name} needs {task.attention} "
            "attention; choose another model for this task"
        )

    def construct(arguments: Mapping[str, int]) -> Reasoner:
        return build({**model, **arguments}, task=task)

    def count(arguments: Mapping[str, int]) -> int:
        with torch.device("meta"):
            ghost = construct(arguments)
        return parameter_count(ghost) if match == "parameters" else non_embedding_count(ghost)

    solved = solve(Sizing(model=model, size=size, declared=kind.solves, count=count))
    with torch.device("meta"):
        ghost = construct(solved)
        key = (kind, repr({**model, **solved}), task)
        flops = _counted[key] = _counted.get(key) or count_flops(ghost)
    parameters, non_embedding = parameter_count(ghost), non_embedding_count(ghost)
    counted = parameters if match == "parameters" else non_embedding
    budget = Budget(
        size=size["name"],
        target_parameters=size["parameters"],
        match=match,
        parameters=parameters,
        non_embedding_parameters=non_embedding,
        gap=counted / size["parameters"] - 1,
        solved=solved,
        flops_per_training_segment=flops.training_segment,
        flops_per_training_example=flops.training_example,
        flops_per_inference_example=flops.inference_example,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_key(seed, "initialization"))
        return construct(solved), budget
