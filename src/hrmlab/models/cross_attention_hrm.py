"""HRM whose levels look at each other by cross-attention instead of adding states (Wang et al. 2025, arXiv 2506.21734, otherwise).

This is a reading of HRM that some ports of it describe: L attends to H and to the input, H attends to the updated L. What a level finds is
fused with its own state, then goes through its blocks. A position may look at any position that its own attention may see.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor, nn

from hrmlab.config.schema import Count
from hrmlab.config.values import Positive
from hrmlab.core.batches import Carry
from hrmlab.core.task import TaskSpec
from hrmlab.layers.attention import AttentionContext, CrossAttention
from hrmlab.layers.blocks import plain_rms_norm, stack_of
from hrmlab.layers.initialization import LecunLinear
from hrmlab.layers.options import EmbeddingOptions, SegmentOptions
from hrmlab.models.attending import RecurrentReasoner, initial_vector

FusionKind = Literal["gated", "linear"]


class CrossAttentionHRM(RecurrentReasoner):
    """HRM with cross-attention between its levels.

    Args:
        task: the task to build for.
        hidden_size: channels D, a multiple of 2 * num_heads.
        num_heads: attention heads, also of the cross-attention.
        mlp_width: channels inside each SwiGLU.
        embedding: from tokens to channels.
        segments: how often an example is looked at.
        h_layers: blocks of the slow level.
        l_layers: blocks of the fast level.
        h_cycles: updates of H in a segment.
        l_cycles: updates of L for each update of H.
        fusion: of a state with what was attended to: ``gated`` (a sigmoid gate for each channel says how much of the state is replaced) or
            ``linear`` (one linear map of them side by side).
        gradient: ``one_step`` through the last update of each level, as in HRM, or ``full`` through all cycles of a segment.
        norm_epsilon: added under the root of every normalisation.
    """

    cycle_argument: ClassVar[str | None] = "h_cycles"
    part_names: ClassVar[Mapping[str, str]] = {"H": "h_level", "L": "l_level"}
    h_initial: Tensor
    l_initial: Tensor

    def __init__(
        self,
        *,
        task: TaskSpec,
        hidden_size: Count,
        num_heads: Count,
        mlp_width: Count,
        embedding: EmbeddingOptions,
        segments: SegmentOptions,
        h_layers: Count = 4,
        l_layers: Count = 4,
        h_cycles: Count = 2,
        l_cycles: Count = 2,
        fusion: FusionKind = "gated",
        gradient: Literal["one_step", "full"] = "one_step",
        norm_epsilon: Annotated[float, Positive()] = 1e-5,
    ) -> None:
        super().__init__(task=task, segments=segments)
        self.h_cycles, self.l_cycles, self.gradient = h_cycles, l_cycles, gradient
        self.embed(task, hidden_size=hidden_size, num_heads=num_heads, options=embedding)

        def level(layers: int, sources: int) -> Level:
            return Level(
                layers=layers,
                sources=sources,
                hidden_size=hidden_size,
                num_heads=num_heads,
                mlp_width=mlp_width,
                causal=task.attention == "causal",
                fusion=fusion,
                norm_epsilon=norm_epsilon,
            )

        self.h_level, self.l_level = level(h_layers, 1), level(l_layers, 2)
        self.register_buffer("h_initial", initial_vector(hidden_size))
        self.register_buffer("l_initial", initial_vector(hidden_size))
        self.read_out(task, hidden_size=hidden_size)

    @property
    def initials(self) -> dict[str, Tensor]:
        return {"z_H": self.h_initial, "z_L": self.l_initial}

    def think(self, states: Carry, embedded: Tensor, context: AttentionContext) -> Carry:
        """All cycles of one segment; with the gradient of one step, only the last update of each level keeps it."""
        z_H, z_L, updated = states["z_H"], states["z_L"], self.updates()
        everywhere = torch.is_grad_enabled() and self.gradient == "full"
        for h_cycle in range(self.h_cycles):
            last_h = h_cycle == self.h_cycles - 1
            for l_cycle in range(self.l_cycles):
                last_l = last_h and l_cycle == self.l_cycles - 1
                with torch.set_grad_enabled(everywhere or (torch.is_grad_enabled() and last_l)):
                    z_L = updated(z_L, self.l_level(z_L, (z_H, embedded), context))
            with torch.set_grad_enabled(everywhere or (torch.is_grad_enabled() and last_h)):
                z_H = updated(z_H, self.h_level(z_H, (z_L,), context))
        return {"z_H": z_H, "z_L": z_L}

    def stacks(self) -> list[nn.Module]:
        return [self.h_level, self.l_level]


class Level(nn.Module):
    """One level: look at other states, fuse what is found with the own one, think about it in blocks.

    Args:
        layers: post-norm blocks.
        sources: states that it looks at, each by a cross-attention of its own.
        hidden_size: channels D.
        num_heads: attention heads.
        mlp_width: channels inside each SwiGLU.
        causal: hide the future, also in cross-attention.
        fusion: see :class:`CrossAttentionHRM`.
        norm_epsilon: added under the root of every normalisation.
    """

    def __init__(
        self,
        *,
        layers: int,
        sources: int,
        hidden_size: int,
        num_heads: int,
        mlp_width: int,
        causal: bool,
        fusion: FusionKind,
        norm_epsilon: float,
    ) -> None:
        super().__init__()
        self.looks = nn.ModuleList(CrossAttention(hidden_size=hidden_size, num_heads=num_heads, causal=causal) for _ in range(sources))
        self.fusion = GatedFusion(hidden_size) if fusion == "gated" else LinearFusion(hidden_size)
        self.stack = stack_of(
            layers,
            norm="post",
            hidden_size=hidden_size,
            num_heads=num_heads,
            mlp_width=mlp_width,
            causal=causal,
            norm_epsilon=norm_epsilon,
        )
        self.norm_epsilon = norm_epsilon

    def forward(self, state: Tensor, sources: tuple[Tensor, ...], context: AttentionContext) -> Tensor:
        """The new state (B, P + S, D) from the old one and the states (B, P + S, D) that it looks at."""
        query = plain_rms_norm(state, self.norm_epsilon)
        found = [look(query, plain_rms_norm(source, self.norm_epsilon), context) for look, source in zip(self.looks, sources, strict=True)]
        return self.stack(self.fusion(state, torch.stack(found).sum(dim=0)), state.new_zeros(()), context)


class GatedFusion(nn.Module):
    """``gate * state + (1 - gate) * found`` with a sigmoid gate for each channel, from both."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.gate = nn.Linear(2 * hidden_size, hidden_size)

    def forward(self, state: Tensor, found: Tensor) -> Tensor:
        """All (B, P + S, D)."""
        gate = torch.sigmoid(self.gate(torch.cat((state, found), dim=-1)))
        return gate * state + (1 - gate) * found


class LinearFusion(nn.Module):
    """One linear map of state and finding, side by side."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.both = LecunLinear(2 * hidden_size, hidden_size)

    def forward(self, state: Tensor, found: Tensor) -> Tensor:
        """All (B, P + S, D)."""
        return self.both(torch.cat((state, found), dim=-1))
