"""A plain pre-norm transformer: the baseline. One pass, no state, no halting."""

from typing import Literal

import torch
from torch import nn

from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.task import TaskSpec
from hrmlab.layers.blocks import pre_norm_stack
from hrmlab.layers.cache import KeyValueCache
from hrmlab.layers.embeddings import InputEmbedding
from hrmlab.layers.initialization import LecunLinear
from hrmlab.models.reasoner import Reasoner


class Transformer(Reasoner):
    """Pre-norm transformer with RMSNorm, SwiGLU and the same input embedding as HRM.

    Args:
        task: the task to build for.
        hidden_size: channels D, a multiple of 2 * num_heads.
        num_heads: attention heads.
        mlp_width: channels inside each SwiGLU.
        layers: blocks.
        positions: ``rope``, ``learned`` or ``none``.
        rope_theta: base of the rotary wavelengths.
        norm_epsilon: added under the root of every normalisation.
        puzzle_embedding_size: channels of the per-puzzle prefix; 0 for none.
    """

    def __init__(
        self,
        *,
        task: TaskSpec,
        hidden_size: int,
        num_heads: int,
        mlp_width: int,
        layers: int = 8,
        positions: Literal["rope", "learned", "none"] = "rope",
        rope_theta: float = 10000.0,
        norm_epsilon: float = 1e-5,
        puzzle_embedding_size: int = 0,
    ) -> None:
        super().__init__(task=task, max_segments=1, exploration=0.0, halting=False)
        self.embedding = InputEmbedding(
            task=task,
            hidden_size=hidden_size,
            num_heads=num_heads,
            positions=positions,
            rope_theta=rope_theta,
            puzzle_embedding_size=puzzle_embedding_size,
        )
        causal = task.attention == "causal"
        self.stack = pre_norm_stack(
            layers, hidden_size=hidden_size, num_heads=num_heads, mlp_width=mlp_width, causal=causal, norm_epsilon=norm_epsilon
        )
        self.final_norm = nn.RMSNorm(hidden_size, eps=norm_epsilon)
        self.token_head = LecunLinear(hidden_size, task.vocabulary_size)

    def forward(self, carry: Carry, batch: Batch, cache: KeyValueCache | None = None) -> tuple[Carry, Prediction]:
        embedded, context = self.embedding(batch, cache)
        hidden = self.stack(embedded, torch.zeros((), dtype=embedded.dtype, device=embedded.device), context)
        return carry, Prediction(self.token_head(self.final_norm(hidden[:, -batch.inputs.shape[1] :])))

    @property
    def prefix_length(self) -> int:
        return self.embedding.prefix_length

    def stacks(self) -> list[nn.Module]:
        return [self.stack]
