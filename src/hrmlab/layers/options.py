"""Options that several reasoners share, said once: their fields are keys of each model's YAML file."""

from dataclasses import dataclass
from typing import Annotated, Literal

from hrmlab.config.values import AtLeast, Positive, ZeroToOne
from hrmlab.core.components import Options

Positions = Literal["rope", "learned", "none"]


@dataclass(frozen=True, kw_only=True)
class EmbeddingOptions(Options):
    """From tokens to channels.

    Attributes:
        positions: ``rope`` (rotary table), ``learned`` or ``none``.
        rope_theta: base of the rotary wavelengths.
        puzzle_embedding_size: channels of the per-puzzle prefix; 0 for none.
    """

    positions: Positions = "rope"
    rope_theta: Annotated[float, Positive()] = 10000.0
    puzzle_embedding_size: Annotated[int, AtLeast(0)] = 0


@dataclass(frozen=True, kw_only=True)
class SegmentOptions(Options):
    """How often a reasoner looks at an example.

    Attributes:
        max_segments: segments after which an example is halted (M_max of Wang et al. 2025).
        exploration: probability with which training demands a random minimum number of segments of an example (ibid., "Adaptive
            computational time").
        halting: learn when to stop; without it every example gets ``max_segments``.
    """

    max_segments: Annotated[int, AtLeast(1)] = 16
    exploration: Annotated[float, ZeroToOne()] = 0.1
    halting: bool = True
