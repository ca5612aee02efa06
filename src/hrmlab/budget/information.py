"""A reasoner in numbers: its parts, what it costs, how long it may think."""

import copy
from dataclasses import dataclass

from hrmlab.budget.count import Flops, count_flops, non_embedding_count, parameter_count
from hrmlab.models.reasoner import Reasoner


@dataclass(frozen=True, kw_only=True)
class ModelInformation:
    """What a reasoner consists of.

    Attributes:
        architecture: the class.
        parameters: all of them; a shared one counts once.
        non_embedding_parameters: without embedding tables and token heads.
        parts: parameters of each part by its name, those that it shares with an earlier part left out; they add up to all.
        flops: floating-point operations of one example.
        segments: most segments for an example.
    """

    architecture: str
    parameters: int
    non_embedding_parameters: int
    parts: dict[str, int]
    flops: Flops
    segments: int

    def __str__(self) -> str:
        widest = max(map(len, self.parts))
        return "\n".join(
            [
                f"{self.architecture}: {self.parameters:,} parameters, {self.non_embedding_parameters:,} without embeddings and heads",
                *(f"  {name:<{widest}}  {count:>13,}  {count / max(1, self.parameters):6.1%}" for name, count in self.parts.items()),
                f"at most {self.segments} {'segments' if self.segments > 1 else 'segment'} for an example; "
                f"{self.flops.inference_example:.3g} floating-point operations to answer it, {self.flops.training_example:.3g} to learn it",
            ]
        )


def model_information(reasoner: Reasoner) -> ModelInformation:
    """Count a reasoner's parts and operations; it is left as it is."""
    return ModelInformation(
        architecture=type(reasoner).__name__,
        parameters=parameter_count(reasoner),
        non_embedding_parameters=non_embedding_count(reasoner),
        parts={name: sum(parameter.numel() for parameter in part) for name, part in reasoner.parts().items()},
        flops=count_flops(copy.deepcopy(reasoner).to("meta")),
        segments=reasoner.max_segments,
    )
