"""A plain pre-norm transformer: the baseline. One pass, no state, no halting."""

from typing import Annotated

import torch
from torch import Tensor, nn

from hrmlab.config.schema import Count
from hrmlab.config.values import Positive
from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.task import TaskSpec
from hrmlab.layers.blocks import stack_of
from hrmlab.layers.decoding import DecodingState
from hrmlab.layers.heads import TokenHead
from hrmlab.layers.options import EmbeddingOptions
from hrmlab.models.attending import AttendingReasoner, SeenAttention


class Transformer(AttendingReasoner):
    """Pre-norm transformer with RMSNorm, SwiGLU and the same input embedding as HRM.

    Args:
        task: the task to build for.
        hidden_size: channels D, a multiple of 2 * num_heads.
        num_heads: attention heads.
        mlp_width: channels inside each SwiGLU.
        embedding: from tokens to channels.
        layers: blocks.
        norm_epsilon: added under the root of every normalisation.
        attention: of causal tasks; ``as_published`` sees the future, as published comparisons do whose transformer has no mask.
    """

    def __init__(
        self,
        *,
        task: TaskSpec,
        hidden_size: Count,
        num_heads: Count,
        mlp_width: Count,
        embedding: EmbeddingOptions,
        layers: Count = 8,
        norm_epsilon: Annotated[float, Positive()] = 1e-5,
        attention: SeenAttention = "causal",
    ) -> None:
        super().__init__(task=task)
        seen = self.seen(task, attention)
        self.embed(seen, hidden_size=hidden_size, num_heads=num_heads, options=embedding)
        causal = seen.attention == "causal"
        self.stack = stack_of(
            layers, norm="pre", hidden_size=hidden_size, num_heads=num_heads, mlp_width=mlp_width, causal=causal, norm_epsilon=norm_epsilon
        )
        self.final_norm = nn.RMSNorm(hidden_size, eps=norm_epsilon)
        self.token_head = TokenHead(hidden_size, task.vocabulary_size)

    def forward(self, carry: Carry, batch: Batch, state: DecodingState | None = None) -> tuple[Carry, Prediction]:
        embedded, context = self.embedding(batch, state)
        hidden = self.stack(embedded, torch.zeros((), dtype=embedded.dtype, device=embedded.device), context)
        return carry, self.read_state(hidden, tokens=batch.inputs.shape[1])

    def read_state(self, state: Tensor, *, tokens: int) -> Prediction:
        return Prediction(self.token_head(self.final_norm(state[:, -tokens:])))

    def stacks(self) -> list[nn.Module]:
        return [self.stack]
