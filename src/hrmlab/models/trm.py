"""The Tiny Recursive Model (Jolicoeur-Martineau 2025, arXiv 2510.04871): less is more, recursive reasoning with tiny networks.

One small network plays both parts of HRM. It improves a latent ``z`` (``z_L``) several times given question and answer, then the answer
``y`` (``z_H``) given the latent; all but the last of such rounds run without gradient, the last one with all of its steps (section 4.1).
It learns when to stop from whether the answer is right, and has no score of continuing (section 4.6).
"""

from abc import abstractmethod
from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor, nn

from hrmlab.config.schema import Count
from hrmlab.config.values import AtLeast, Positive
from hrmlab.core.batches import Carry
from hrmlab.core.task import AttentionKind, TaskSpec
from hrmlab.layers.attention import AttentionContext
from hrmlab.layers.blocks import Stack, stack_of
from hrmlab.layers.mixing import PositionMixerBlock, width_of_positions
from hrmlab.layers.options import EmbeddingOptions, SegmentOptions
from hrmlab.models.attending import RecurrentReasoner, initial_vector


class OneNetwork(RecurrentReasoner):
    """What TRM does with its network, whatever that is made of."""

    cycle_argument: ClassVar[str | None] = "h_cycles"
    network: Stack
    h_initial: Tensor
    l_initial: Tensor
    h_cycles: int
    l_cycles: int
    gradient: Literal["last_cycle", "full"]

    def finish(self, task: TaskSpec, *, hidden_size: int) -> None:
        """Make the initial states and the heads."""
        self.register_buffer("h_initial", initial_vector(hidden_size))
        self.register_buffer("l_initial", initial_vector(hidden_size))
        self.read_out(task, hidden_size=hidden_size)

    @property
    def initials(self) -> dict[str, Tensor]:
        return {"z_H": self.h_initial, "z_L": self.l_initial}

    def think(self, states: Carry, embedded: Tensor, context: AttentionContext) -> Carry:
        """All cycles of one segment (the paper's figure 3, ``deep_recursion``)."""
        z_H, z_L, updated = states["z_H"], states["z_L"], self.updates()
        for cycle in range(self.h_cycles):
            with torch.set_grad_enabled(torch.is_grad_enabled() and (self.gradient == "full" or cycle == self.h_cycles - 1)):
                for _ in range(self.l_cycles):
                    z_L = updated(z_L, self.network(z_L, z_H + embedded, context))
                z_H = updated(z_H, self.network(z_H, z_L, context))
        return {"z_H": z_H, "z_L": z_L}

    @abstractmethod
    def stacks(self) -> list[nn.Module]:
        """The network, which is all there is to compile."""


class TRM(OneNetwork):
    """TRM with self-attention.

    Args:
        task: the task to build for.
        hidden_size: channels D, a multiple of 2 * num_heads.
        num_heads: attention heads.
        mlp_width: channels inside each SwiGLU.
        embedding: from tokens to channels.
        segments: how often an example is looked at.
        layers: blocks of the network.
        h_cycles: updates of the answer in a segment (T of the paper).
        l_cycles: updates of the latent for each of them (n of the paper).
        gradient: through all steps of the last cycle, as published, or of all cycles (``full``).
        continues: learn a score of continuing too, as HRM does (``no_ACT_continue: false`` of the release).
        puzzle_positions: positions of the puzzle's prefix; 0 for as many as its embedding fills (``puzzle_emb_len`` of the release).
        norm_epsilon: added under the root of every normalisation.
    """

    def __init__(
        self,
        *,
        task: TaskSpec,
        hidden_size: Count,
        num_heads: Count,
        mlp_width: Count,
        embedding: EmbeddingOptions,
        segments: SegmentOptions,
        layers: Count = 2,
        h_cycles: Count = 3,
        l_cycles: Count = 6,
        gradient: Literal["last_cycle", "full"] = "last_cycle",
        continues: bool = False,
        puzzle_positions: Annotated[int, AtLeast(0)] = 0,
        norm_epsilon: Annotated[float, Positive()] = 1e-5,
    ) -> None:
        super().__init__(task=task, segments=segments, continues=continues)
        self.h_cycles, self.l_cycles, self.gradient = h_cycles, l_cycles, gradient
        self.embed(task, hidden_size=hidden_size, num_heads=num_heads, options=embedding, puzzle_positions=puzzle_positions)
        self.network = stack_of(
            layers,
            norm="post",
            hidden_size=hidden_size,
            num_heads=num_heads,
            mlp_width=mlp_width,
            causal=task.attention == "causal",
            norm_epsilon=norm_epsilon,
        )
        self.finish(task, hidden_size=hidden_size)

    def stacks(self) -> list[nn.Module]:
        return [self.network]


class MixerTRM(OneNetwork):
    """TRM whose blocks mix positions by an MLP: better on rows of a small fixed length, such as Sudoku (section 4.5). Full attention only.

    Args:
        position_width: channels inside the SwiGLU over positions; None for 8/3 of the positions.

    The others are those of :class:`TRM`.
    """

    attention_kinds: ClassVar[tuple[AttentionKind, ...]] = ("full",)

    def __init__(
        self,
        *,
        task: TaskSpec,
        hidden_size: Count,
        num_heads: Count,
        mlp_width: Count,
        embedding: EmbeddingOptions,
        segments: SegmentOptions,
        layers: Count = 2,
        h_cycles: Count = 3,
        l_cycles: Count = 6,
        gradient: Literal["last_cycle", "full"] = "last_cycle",
        continues: bool = False,
        puzzle_positions: Annotated[int, AtLeast(0)] = 0,
        position_width: Count | None = None,
        norm_epsilon: Annotated[float, Positive()] = 1e-5,
    ) -> None:
        super().__init__(task=task, segments=segments, continues=continues)
        self.h_cycles, self.l_cycles, self.gradient = h_cycles, l_cycles, gradient
        self.embed(task, hidden_size=hidden_size, num_heads=num_heads, options=embedding, puzzle_positions=puzzle_positions)
        positions = self.prefix_length + task.sequence_length
        self.network = Stack(
            [
                PositionMixerBlock(
                    positions=positions,
                    hidden_size=hidden_size,
                    mlp_width=mlp_width,
                    position_width=position_width or width_of_positions(positions, ratio=8 / 3),
                    norm_epsilon=norm_epsilon,
                )
                for _ in range(layers)
            ]
        )
        self.finish(task, hidden_size=hidden_size)

    def stacks(self) -> list[nn.Module]:
        return [self.network]
