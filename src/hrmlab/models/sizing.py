"""What a reasoner says of its own size: which constructor arguments the budget may solve, and in which steps.

An arm declares them as a class attribute, ``solves = (Width("hidden_size", step=8),)``. The declaration is read twice: by the budget's
solver, and from the source by the schema reader, which lets these arguments be null in YAML.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Width:
    """The argument that makes the model wide.

    Attributes:
        argument: its name.
        step: it is a multiple of this number, or of this key of the size section (``head_size``).
    """

    argument: str
    step: int | str = 1


@dataclass(frozen=True)
class Quotient:
    """An argument that follows from the width: ``of`` divided by the key ``by`` of the size section.

    Attributes:
        even: whether what is left for each part must be even (rotary positions turn channels in pairs).
    """

    argument: str
    of: str
    by: str
    even: bool = True


@dataclass(frozen=True)
class Filling:
    """An argument that is set finely, so that the count comes within the tolerance of the target.

    Attributes:
        beside: the width that it is compared to.
        ratio: to that width, preferred where several widths would do; several fillings keep their ratios to each other.
    """

    argument: str
    beside: str
    ratio: float


Solved = Width | Quotient | Filling

TRANSFORMER_WIDTHS: tuple[Solved, ...] = (
    Width("hidden_size", step="head_size"),
    Quotient("num_heads", of="hidden_size", by="head_size"),
    # SwiGLU's three matrices then weigh as much as the two of a four times wider plain MLP.
    Filling("mlp_width", beside="hidden_size", ratio=8 / 3),
)
"""Of a transformer with heads of one size and SwiGLU."""
