"""The Hierarchical Reasoning Model (Wang et al. 2025, arXiv 2506.21734).

Two recurrent transformer modules share one input: L, fast, runs ``l_cycles`` times for each of the ``h_cycles`` updates of H, slow.
Only the last update of each carries gradient (the paper's one-step approximation, section 2, "Approximate gradient").
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor, nn

from hrmlab.config.schema import Count
from hrmlab.config.values import Positive
from hrmlab.core.batches import Carry
from hrmlab.core.task import TaskSpec
from hrmlab.layers.attention import AttentionContext
from hrmlab.layers.blocks import Stack, stack_of
from hrmlab.layers.options import EmbeddingOptions, SegmentOptions
from hrmlab.models.attending import RecurrentReasoner, initial_vector
from hrmlab.models.perturbation import Updates


class HRM(RecurrentReasoner):
    """HRM as published; its ablations are arguments.

    Args:
        task: the task to build for.
        hidden_size: channels D, a multiple of 2 * num_heads.
        num_heads: attention heads.
        mlp_width: channels inside each SwiGLU.
        embedding: from tokens to channels.
        segments: how often an example is looked at.
        h_layers: blocks of the slow module.
        l_layers: blocks of the fast module.
        h_cycles: updates of H in a segment.
        l_cycles: updates of L for each update of H.
        norm_epsilon: added under the root of every normalisation.
        gradient: ``one_step`` as published, or ``full`` backpropagation through all cycles of a segment.
        shared_levels: ablation H = L: one module plays both parts.
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
        norm_epsilon: Annotated[float, Positive()] = 1e-5,
        gradient: Literal["one_step", "full"] = "one_step",
        shared_levels: bool = False,
    ) -> None:
        super().__init__(task=task, segments=segments)
        self.h_cycles, self.l_cycles, self.gradient = h_cycles, l_cycles, gradient
        self.embed(task, hidden_size=hidden_size, num_heads=num_heads, options=embedding)
        causal = task.attention == "causal"

        def level(layers: int) -> Stack:
            return stack_of(
                layers,
                norm="post",
                hidden_size=hidden_size,
                num_heads=num_heads,
                mlp_width=mlp_width,
                causal=causal,
                norm_epsilon=norm_epsilon,
            )

        self.h_level = level(h_layers)
        self.l_level = self.h_level if shared_levels else level(l_layers)
        self.register_buffer("h_initial", initial_vector(hidden_size))
        self.register_buffer("l_initial", initial_vector(hidden_size))
        self.read_out(task, hidden_size=hidden_size)

    @property
    def initials(self) -> dict[str, Tensor]:
        return {"z_H": self.h_initial, "z_L": self.l_initial}

    def think(self, states: Carry, embedded: Tensor, context: AttentionContext) -> Carry:
        """All cycles of one segment; the last update of each level with gradient."""
        z_H, z_L, updated = states["z_H"], states["z_L"], self.updates()
        if self.gradient == "full":
            z_H, z_L = self._cycles(z_H, z_L, embedded, context, updated, skip_last=False)
            return {"z_H": z_H, "z_L": z_L}
        with torch.no_grad():
            z_H, z_L = self._cycles(z_H, z_L, embedded, context, updated, skip_last=True)
        z_L = updated(z_L, self.l_level(z_L, z_H + embedded, context))
        return {"z_H": updated(z_H, self.h_level(z_H, z_L, context)), "z_L": z_L}

    def _cycles(
        self, z_H: Tensor, z_L: Tensor, embedded: Tensor, context: AttentionContext, updated: Updates, *, skip_last: bool
    ) -> tuple[Tensor, Tensor]:
        """H_cycles x L_cycles updates; ``skip_last`` leaves out the final L and the final H update."""
        for h_cycle in range(self.h_cycles):
            last = skip_last and h_cycle == self.h_cycles - 1
            for _ in range(self.l_cycles - last):
                z_L = updated(z_L, self.l_level(z_L, z_H + embedded, context))
            if not last:
                z_H = updated(z_H, self.h_level(z_H, z_L, context))
        return z_H, z_L

    def stacks(self) -> list[nn.Module]:
        return [self.h_level] if self.h_level is self.l_level else [self.h_level, self.l_level]
