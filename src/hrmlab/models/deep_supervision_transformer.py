"""A flat transformer inside HRM's outer loop: the control that tells hierarchy from refinement.

It has HRM's segments, detached carry, deep supervision and learned halting, but a single network. Where it does as well as HRM, what
helped was refining an answer under supervision, not two levels. ``norm=post`` and ``cycles`` take away the two further differences, so that
nothing but hierarchy is left: HRM of H2 L2 with d blocks in each level passes 6 d blocks in a segment, 2 d of them with gradient, and so do
2 d blocks in 3 cycles.
"""

from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor, nn

from hrmlab.config.schema import Count
from hrmlab.config.values import Positive
from hrmlab.core.batches import Carry, Prediction
from hrmlab.core.task import TaskSpec
from hrmlab.layers.attention import AttentionContext
from hrmlab.layers.blocks import stack_of
from hrmlab.layers.options import EmbeddingOptions, SegmentOptions
from hrmlab.models.attending import RecurrentReasoner, initial_vector


class DeepSupervisionTransformer(RecurrentReasoner):
    """The plain transformer, applied to its own previous state plus the input, segment after segment.

    Args:
        task: the task to build for.
        hidden_size: channels D, a multiple of 2 * num_heads.
        num_heads: attention heads.
        mlp_width: channels inside each SwiGLU.
        embedding: from tokens to channels.
        segments: how often an example is looked at.
        layers: blocks.
        cycles: how often a segment applies them, each time to the state before plus the input.
        norm: ``pre`` as in today's transformers, or ``post`` as in HRM, whose blocks leave a normalised state by themselves.
        gradient: of several cycles, through the last alone (``one_step``, as in HRM) or through all (``full``).
        norm_epsilon: added under the root of every normalisation.
    """

    cycle_argument: ClassVar[str | None] = "cycles"
    initial: Tensor

    def __init__(
        self,
        *,
        task: TaskSpec,
        hidden_size: Count,
        num_heads: Count,
        mlp_width: Count,
        embedding: EmbeddingOptions,
        segments: SegmentOptions,
        layers: Count = 8,
        cycles: Count = 1,
        norm: Literal["pre", "post"] = "pre",
        gradient: Literal["one_step", "full"] = "one_step",
        norm_epsilon: Annotated[float, Positive()] = 1e-5,
    ) -> None:
        super().__init__(task=task, segments=segments)
        self.cycles, self.gradient = cycles, gradient
        self.embed(task, hidden_size=hidden_size, num_heads=num_heads, options=embedding)
        causal = task.attention == "causal"
        self.stack = stack_of(
            layers, norm=norm, hidden_size=hidden_size, num_heads=num_heads, mlp_width=mlp_width, causal=causal, norm_epsilon=norm_epsilon
        )
        # The state that is carried is the normalised one: its scale stays the same however many segments it went through.
        self.final_norm = nn.RMSNorm(hidden_size, eps=norm_epsilon) if norm == "pre" else nn.Identity()
        self.register_buffer("initial", initial_vector(hidden_size))
        self.read_out(task, hidden_size=hidden_size)

    @property
    def initials(self) -> dict[str, Tensor]:
        return {"z": self.initial}

    def think(self, states: Carry, embedded: Tensor, context: AttentionContext) -> Carry:
        """All cycles of one segment; with the gradient of one step, only the last keeps it."""
        z, updated = states["z"], self.updates()
        for cycle in range(self.cycles):
            with torch.set_grad_enabled(torch.is_grad_enabled() and (self.gradient == "full" or cycle == self.cycles - 1)):
                z = updated(z, self.final_norm(self.stack(z, embedded, context)))
        return {"z": z}

    def read_state(self, state: Tensor, *, tokens: int) -> Prediction | None:
        return super().read_state(self.final_norm(state), tokens=tokens)

    def stacks(self) -> list[nn.Module]:
        return [self.stack]
