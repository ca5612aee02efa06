"""Options that several reasoners share, said once: their fields are keys of each model's YAML file."""

from dataclasses import dataclass
from typing import Annotated, Literal

from hrmlab.config.values import AtLeast, FromZeroBelow, NotNegative, Positive, ZeroToOne
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
class UpdateOptions(Options):
    """How a state moves when it is updated (Equilibrium Reasoners: Huang, Geng and Kolter 2026, arXiv 2605.21488).

    Attributes:
        damping: share of the old state that stays at every update, in training and afterwards: ``damping * old + (1 - damping) * new``.
        state_noise: standard deviation of the normal noise that is added to the state after every update, in training alone.
    """

    damping: Annotated[float, FromZeroBelow(1.0)] = 0.0
    state_noise: Annotated[float, NotNegative()] = 0.0


@dataclass(frozen=True, kw_only=True)
class SegmentOptions(UpdateOptions):
    """How often a reasoner looks at an example, and how its states begin and move.

    Attributes:
        random_start: standard deviation of the normal start that training draws anew for every example, position and channel (ibid.);
            afterwards every state starts as its fixed vector times this number, so that an answer is the same every time. 0: it starts as
            its fixed vector, always.
        max_segments: segments after which an example is halted (M_max of Wang et al. 2025).
        exploration: probability with which training demands a random minimum number of segments of an example (ibid., "Adaptive
            computational time").
        halting: learn when to stop; without it every example gets ``max_segments``.
        halting_threshold: stop only where q_halt says that the answer is right with more than this probability; None: where stopping is
            worth more than going on, or, without a score of going on, above 0.5.
    """

    max_segments: Annotated[int, AtLeast(1)] = 16
    exploration: Annotated[float, ZeroToOne()] = 0.1
    halting: bool = True
    halting_threshold: Annotated[float, ZeroToOne()] | None = None
    random_start: Annotated[float, NotNegative()] = 0.0
