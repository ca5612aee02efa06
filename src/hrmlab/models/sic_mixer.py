"""The mixer of "Speed is Confidence" (Dillon 2026, arXiv 2601.19085): TRM's loop, run longer, around two mixer blocks made for Muon.

The recipe that goes with it (Muon, label smoothing, late averaging) is ``experiments/sudoku/sic_mixer.yaml``. This is the paper's baseline,
one chain of states (K = 1); its training of several chains of which the best learns is not here.
"""

from typing import Annotated, ClassVar, Literal

from torch import nn

from hrmlab.config.schema import Count
from hrmlab.config.values import AtLeast, Positive
from hrmlab.core.task import AttentionKind, TaskSpec
from hrmlab.layers.blocks import Stack
from hrmlab.layers.mixing import PositionMixerBlock, width_of_positions
from hrmlab.layers.options import EmbeddingOptions, SegmentOptions
from hrmlab.layers.swiglu import NormalisedSwiGLU
from hrmlab.models.sizing import Filling, Solved, Width
from hrmlab.models.trm import OneNetwork


class SICMixer(OneNetwork):
    """TRM without attention, whose SwiGLU is normalised inside. Full attention only: every position sees all others.

    Args:
        task: the task to build for; rows of one length.
        hidden_size: channels D.
        mlp_width: channels inside each SwiGLU over channels.
        embedding: from tokens to channels; the mixer knows positions by itself, so rotary ones do nothing.
        segments: how often an example is looked at.
        layers: blocks of the network.
        h_cycles: updates of the answer in a segment.
        l_cycles: updates of the latent for each of them.
        gradient: through all steps of the last cycle, as published, or of all cycles (``full``).
        puzzle_positions: positions of the puzzle's prefix; 0 for as many as its embedding fills.
        position_width: channels inside the SwiGLU over positions; None for 8/3 of the positions.
        norm_epsilon: added under the root of every normalisation.
    """

    solves: ClassVar[tuple[Solved, ...]] = (Width("hidden_size", step=2), Filling("mlp_width", beside="hidden_size", ratio=8 / 3))
    attention_kinds: ClassVar[tuple[AttentionKind, ...]] = ("full",)

    def __init__(
        self,
        *,
        task: TaskSpec,
        hidden_size: Count,
        mlp_width: Count,
        embedding: EmbeddingOptions,
        segments: SegmentOptions,
        layers: Count = 2,
        h_cycles: Count = 6,
        l_cycles: Count = 9,
        gradient: Literal["last_cycle", "full"] = "last_cycle",
        puzzle_positions: Annotated[int, AtLeast(0)] = 0,
        position_width: Count | None = None,
        norm_epsilon: Annotated[float, Positive()] = 1e-5,
    ) -> None:
        super().__init__(task=task, segments=segments, continues=False)
        self.h_cycles, self.l_cycles, self.gradient = h_cycles, l_cycles, gradient
        self.embed(task, hidden_size=hidden_size, num_heads=1, options=embedding, puzzle_positions=puzzle_positions)
        positions = self.prefix_length + task.sequence_length
        self.network = Stack(
            [
                PositionMixerBlock(
                    positions=positions,
                    hidden_size=hidden_size,
                    mlp_width=mlp_width,
                    position_width=position_width or width_of_positions(positions, ratio=8 / 3),
                    norm_epsilon=norm_epsilon,
                    feed_forward=NormalisedSwiGLU,
                )
                for _ in range(layers)
            ]
        )
        self.finish(task, hidden_size=hidden_size)

    def stacks(self) -> list[nn.Module]:
        return [self.network]
