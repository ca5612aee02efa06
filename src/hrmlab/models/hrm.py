"""The Hierarchical Reasoning Model (Wang et al. 2025, arXiv 2506.21734).

Two recurrent transformer modules share one input: L, fast, runs ``l_cycles`` times for each of the ``h_cycles`` updates of H, slow.
Only the last update of each carries gradient (the paper's one-step approximation, section 2, "Approximate gradient").
"""

from typing import Literal

import torch
from torch import Tensor, nn

from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.task import TaskSpec
from hrmlab.layers.attention import AttentionContext
from hrmlab.layers.blocks import PostNormBlock, Stack
from hrmlab.layers.cache import KeyValueCache
from hrmlab.layers.embeddings import InputEmbedding
from hrmlab.layers.heads import HaltingHead
from hrmlab.layers.initialization import LecunLinear, truncated_normal_
from hrmlab.models.reasoner import Reasoner


class HRM(Reasoner):
    """HRM as published; its ablations are arguments.

    Args:
        task: the task to build for.
        hidden_size: channels D, a multiple of 2 * num_heads.
        num_heads: attention heads.
        mlp_width: channels inside each SwiGLU.
        h_layers: blocks of the slow module.
        l_layers: blocks of the fast module.
        h_cycles: updates of H in a segment.
        l_cycles: updates of L for each update of H.
        max_segments: segments after which an example is halted (M_max).
        exploration: see :class:`Reasoner`.
        halting: learn when to stop; without it every example gets ``max_segments``.
        positions: ``rope``, ``learned`` or ``none``.
        rope_theta: base of the rotary wavelengths.
        norm_epsilon: added under the root of every normalisation.
        puzzle_embedding_size: channels of the per-puzzle prefix; 0 for none.
        gradient: ``one_step`` as published, or ``full`` backpropagation through all cycles of a segment.
        shared_levels: ablation H = L: one module plays both parts.
    """

    h_initial: Tensor
    l_initial: Tensor

    def __init__(
        self,
        *,
        task: TaskSpec,
        hidden_size: int,
        num_heads: int,
        mlp_width: int,
        h_layers: int = 4,
        l_layers: int = 4,
        h_cycles: int = 2,
        l_cycles: int = 2,
        max_segments: int = 16,
        exploration: float = 0.1,
        halting: bool = True,
        positions: Literal["rope", "learned", "none"] = "rope",
        rope_theta: float = 10000.0,
        norm_epsilon: float = 1e-5,
        puzzle_embedding_size: int = 0,
        gradient: Literal["one_step", "full"] = "one_step",
        shared_levels: bool = False,
    ) -> None:
        super().__init__(task=task, max_segments=max_segments, exploration=exploration, halting=halting)
        self.h_cycles, self.l_cycles, self.gradient = h_cycles, l_cycles, gradient
        causal = task.attention == "causal"
        self.embedding = InputEmbedding(
            task=task,
            hidden_size=hidden_size,
            num_heads=num_heads,
            positions=positions,
            rope_theta=rope_theta,
            puzzle_embedding_size=puzzle_embedding_size,
        )

        def level(layers: int) -> Stack:
            return Stack(
                [
                    PostNormBlock(
                        hidden_size=hidden_size, num_heads=num_heads, mlp_width=mlp_width, causal=causal, norm_epsilon=norm_epsilon
                    )
                    for _ in range(layers)
                ]
            )

        self.h_level = level(h_layers)
        self.l_level = self.h_level if shared_levels else level(l_layers)
        self.register_buffer("h_initial", truncated_normal_(torch.empty(hidden_size), std=1.0))
        self.register_buffer("l_initial", truncated_normal_(torch.empty(hidden_size), std=1.0))
        self.token_head = LecunLinear(hidden_size, task.vocabulary_size)
        self.halting_head = HaltingHead(hidden_size=hidden_size, causal=causal) if self.halts else None

    def initial_carry(self, batch_size: int, positions: int | None = None) -> Carry:
        """``z_H`` and ``z_L``, (B, P + S, D) each: one fixed random vector at every position."""
        length = positions or self.prefix_length + self.task.sequence_length
        return {
            name: initial.expand(batch_size, length, -1).clone() for name, initial in (("z_H", self.h_initial), ("z_L", self.l_initial))
        }

    def _think(self, carry: Carry, batch: Batch, cache: KeyValueCache | None = None) -> tuple[Tensor, Tensor]:
        """All cycles of one segment: new (z_H, z_L), the last update of each with gradient."""
        z_H, z_L = carry["z_H"], carry["z_L"]
        embedded, context = self.embedding(batch, cache)
        if self.gradient == "full":
            return self._cycles(z_H, z_L, embedded, context, skip_last=False)
        with torch.no_grad():
            z_H, z_L = self._cycles(z_H, z_L, embedded, context, skip_last=True)
        z_L = self.l_level(z_L, z_H + embedded, context)
        return self.h_level(z_H, z_L, context), z_L

    def _cycles(self, z_H: Tensor, z_L: Tensor, embedded: Tensor, context: AttentionContext, *, skip_last: bool) -> tuple[Tensor, Tensor]:
        """H_cycles x L_cycles updates; ``skip_last`` leaves out the final L and the final H update."""
        for h_cycle in range(self.h_cycles):
            last = skip_last and h_cycle == self.h_cycles - 1
            for _ in range(self.l_cycles - last):
                z_L = self.l_level(z_L, z_H + embedded, context)
            if not last:
                z_H = self.h_level(z_H, z_L, context)
        return z_H, z_L

    def forward(self, carry: Carry, batch: Batch, cache: KeyValueCache | None = None) -> tuple[Carry, Prediction]:
        z_H, z_L = self._think(carry, batch, cache)
        logits = self.token_head(z_H[:, -batch.inputs.shape[1] :])
        q_halt, q_continue = (None, None) if self.halting_head is None else self.halting_head(z_H, tokens=batch.inputs.shape[1])
        return {"z_H": z_H.detach(), "z_L": z_L.detach()}, Prediction(logits, q_halt, q_continue)

    def look_ahead(self, carry: Carry, batch: Batch) -> tuple[Tensor, Tensor]:
        if self.halting_head is None:
            return super().look_ahead(carry, batch)
        return self.halting_head(self._think(carry, batch)[0], tokens=batch.inputs.shape[1])

    @property
    def prefix_length(self) -> int:
        return self.embedding.prefix_length

    def stacks(self) -> list[nn.Module]:
        return [self.h_level] if self.h_level is self.l_level else [self.h_level, self.l_level]
