"""A flat transformer inside HRM's outer loop: the control that tells hierarchy from refinement.

It has HRM's segments, detached carry, deep supervision and learned halting, but a single network and no cycles. Where it does as
well as HRM, what helped was refining an answer under supervision, not two levels.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.task import TaskSpec
from hrmlab.layers.blocks import pre_norm_stack
from hrmlab.layers.cache import KeyValueCache
from hrmlab.layers.embeddings import InputEmbedding
from hrmlab.layers.heads import HaltingHead
from hrmlab.layers.initialization import LecunLinear, truncated_normal_
from hrmlab.models.reasoner import Reasoner


class DeepSupervisionTransformer(Reasoner):
    """The plain transformer, applied to its own previous state plus the input, segment after segment.

    Args:
        task: the task to build for.
        hidden_size: channels D, a multiple of 2 * num_heads.
        num_heads: attention heads.
        mlp_width: channels inside each SwiGLU.
        layers: blocks.
        max_segments: segments after which an example is halted.
        exploration: see :class:`Reasoner`.
        halting: learn when to stop; without it every example gets ``max_segments``.
        positions: ``rope``, ``learned`` or ``none``.
        rope_theta: base of the rotary wavelengths.
        norm_epsilon: added under the root of every normalisation.
        puzzle_embedding_size: channels of the per-puzzle prefix; 0 for none.
    """

    initial: Tensor

    def __init__(
        self,
        *,
        task: TaskSpec,
        hidden_size: int,
        num_heads: int,
        mlp_width: int,
        layers: int = 8,
        max_segments: int = 16,
        exploration: float = 0.1,
        halting: bool = True,
        positions: Literal["rope", "learned", "none"] = "rope",
        rope_theta: float = 10000.0,
        norm_epsilon: float = 1e-5,
        puzzle_embedding_size: int = 0,
    ) -> None:
        super().__init__(task=task, max_segments=max_segments, exploration=exploration, halting=halting)
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
        # The state that is carried is the normalised one: its scale stays the same however many segments it went through.
        self.final_norm = nn.RMSNorm(hidden_size, eps=norm_epsilon)
        self.register_buffer("initial", truncated_normal_(torch.empty(hidden_size), std=1.0))
        self.token_head = LecunLinear(hidden_size, task.vocabulary_size)
        self.halting_head = HaltingHead(hidden_size=hidden_size, causal=causal) if self.halts else None

    def initial_carry(self, batch_size: int, positions: int | None = None) -> Carry:
        """``z``, (B, P + S, D): one fixed random vector at every position."""
        length = positions or self.prefix_length + self.task.sequence_length
        return {"z": self.initial.expand(batch_size, length, -1).clone()}

    def _think(self, carry: Carry, batch: Batch, cache: KeyValueCache | None = None) -> Tensor:
        embedded, context = self.embedding(batch, cache)
        return self.final_norm(self.stack(carry["z"], embedded, context))

    def forward(self, carry: Carry, batch: Batch, cache: KeyValueCache | None = None) -> tuple[Carry, Prediction]:
        z = self._think(carry, batch, cache)
        logits = self.token_head(z[:, -batch.inputs.shape[1] :])
        q_halt, q_continue = (None, None) if self.halting_head is None else self.halting_head(z, tokens=batch.inputs.shape[1])
        return {"z": z.detach()}, Prediction(logits, q_halt, q_continue)

    def look_ahead(self, carry: Carry, batch: Batch) -> tuple[Tensor, Tensor]:
        if self.halting_head is None:
            return super().look_ahead(carry, batch)
        return self.halting_head(self._think(carry, batch), tokens=batch.inputs.shape[1])

    @property
    def prefix_length(self) -> int:
        return self.embedding.prefix_length

    def stacks(self) -> list[nn.Module]:
        return [self.stack]
