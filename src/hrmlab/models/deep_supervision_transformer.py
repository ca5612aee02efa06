"""A flat transformer inside HRM's outer loop: the control that tells hierarchy from refinement.

It has HRM's segments, detached carry, deep supervision and learned halting, but a single network and no cycles. Where it does as
well as HRM, what helped was refining an answer under supervision, not two levels.
"""

from typing import Annotated

from torch import Tensor, nn

from hrmlab.config.schema import Count
from hrmlab.config.values import Positive
from hrmlab.core.batches import Carry
from hrmlab.core.task import TaskSpec
from hrmlab.layers.attention import AttentionContext
from hrmlab.layers.blocks import pre_norm_stack
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
        norm_epsilon: added under the root of every normalisation.
    """

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
        norm_epsilon: Annotated[float, Positive()] = 1e-5,
    ) -> None:
        super().__init__(task=task, segments=segments)
        self.embed(task, hidden_size=hidden_size, num_heads=num_heads, options=embedding)
        causal = task.attention == "causal"
        self.stack = pre_norm_stack(
            layers, hidden_size=hidden_size, num_heads=num_heads, mlp_width=mlp_width, causal=causal, norm_epsilon=norm_epsilon
        )
        # The state that is carried is the normalised one: its scale stays the same however many segments it went through.
        self.final_norm = nn.RMSNorm(hidden_size, eps=norm_epsilon)
        self.register_buffer("initial", initial_vector(hidden_size))
        self.read_out(task, hidden_size=hidden_size)

    @property
    def initials(self) -> dict[str, Tensor]:
        return {"z": self.initial}

    def think(self, states: Carry, embedded: Tensor, context: AttentionContext) -> Carry:
        return {"z": self.final_norm(self.stack(states["z"], embedded, context))}

    def stacks(self) -> list[nn.Module]:
        return [self.stack]
