"""The planner-executor HRM of the public code comparison (github.com/Prishatank0607/Hierarchical-Reasoning-Model, ``hrm_core.py``).

A planner (H), three times as wide, and an executor (L) of pre-norm blocks exchange their states through linear projections. The planner's
guidance enters the executor through a sigmoid gate, the executor's result goes back to the planner as feedback, and gradient flows through
all cycles of a segment. Three things are ours, so that the arm keeps the contract of all others: gradient stops between segments, halting
scores are read at one position or at each token instead of from a mean over the sequence, and every segment is answered by one head, beside
which each segment's auxiliary head is trained (in the original the latter answer, and the common head answers the last segment alone).
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from hrmlab.config.schema import Count
from hrmlab.config.values import NotNegative, Positive
from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.task import IGNORED_LABEL, TaskSpec
from hrmlab.layers.attention import AttentionContext
from hrmlab.layers.blocks import PreNormBlock, Stack
from hrmlab.layers.decoding import DecodingState
from hrmlab.layers.initialization import truncated_normal_
from hrmlab.layers.likelihood import token_losses
from hrmlab.layers.options import EmbeddingOptions, SegmentOptions
from hrmlab.models.attending import RecurrentReasoner, SeenAttention

_WIDER = 3
"""So many times as wide as the executor is the planner."""
_CONFIDENT, _FAIRLY_CONFIDENT = 0.8, 0.6
"""Probabilities of being right above which one cycle is enough, and above which one cycle less is (``_get_adaptive_H_cycles``)."""
_STANDARD_DEVIATION = 0.02
"""Of the initial weights of projections and gate."""


class PlannerExecutor(RecurrentReasoner):
    """Planner and executor, each a stack of pre-norm blocks.

    Args:
        task: the task to build for.
        hidden_size: channels D of the executor, a multiple of 2 * num_heads; the planner has 3 D.
        num_heads: attention heads of the executor; the planner has three times as many of the same size.
        mlp_width: channels inside each SwiGLU of the executor; the planner's have three times as many.
        embedding: from tokens to channels.
        segments: how often an example is looked at.
        h_layers: blocks of the planner.
        l_layers: blocks of the executor.
        h_cycles: planner updates in a segment.
        l_cycles: executor updates for each of them.
        residual_scale: factor of what each attention and each SwiGLU adds, at the beginning of training.
        final_residual_scale: the same at its end; between them it changes evenly with the steps.
        auxiliary_weight: of the loss of each segment's own output head, all segments but the last; 0: no such heads.
        adaptive_cycles: at inference, from the second segment on, positions that are confident of the answer take fewer planner cycles: one
            above 0.8, one less than ``h_cycles`` above 0.6. The others see their states as they then are. It changes answers, not the time
            that a batch takes.
        attention: of causal tasks; ``as_published`` sees the future, as the original does, which has no mask.
        norm_epsilon: added under the root of every normalisation.
    """

    cycle_argument: ClassVar[str | None] = "h_cycles"
    part_names: ClassVar[Mapping[str, str]] = {"H": "planner", "L": "executor"}
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
        h_layers: Count = 2,
        l_layers: Count = 2,
        h_cycles: Count = 2,
        l_cycles: Count = 2,
        residual_scale: Annotated[float, Positive()] = 0.8,
        final_residual_scale: Annotated[float, Positive()] = 0.98,
        auxiliary_weight: Annotated[float, NotNegative()] = 0.5,
        adaptive_cycles: bool = True,
        attention: SeenAttention = "causal",
        norm_epsilon: Annotated[float, Positive()] = 1e-5,
    ) -> None:
        super().__init__(task=task, segments=segments)
        self.h_cycles, self.l_cycles, self.adaptive_cycles = h_cycles, l_cycles, adaptive_cycles
        self.residual_scales = residual_scale, final_residual_scale
        self.auxiliary_weight = auxiliary_weight
        seen = self.seen(task, attention)
        self.embed(seen, hidden_size=hidden_size, num_heads=num_heads, options=embedding)

        def stack(layers: int, times: int) -> Stack:
            shape = {"hidden_size": times * hidden_size, "num_heads": times * num_heads, "mlp_width": times * mlp_width}
            causal = seen.attention == "causal"
            return Stack([ScaledBlock(**shape, causal=causal, norm_epsilon=norm_epsilon, scale=residual_scale) for _ in range(layers)])

        planner_size = _WIDER * hidden_size
        self.planner, self.executor = stack(h_layers, _WIDER), stack(l_layers, 1)
        self.to_planner = _projection(hidden_size, planner_size)
        self.to_executor = _projection(planner_size, hidden_size)
        self.to_heads = _projection(planner_size, hidden_size)
        self.guidance_gate = _projection(hidden_size, hidden_size)
        self.register_buffer("h_initial", torch.zeros(planner_size))
        self.register_buffer("l_initial", torch.zeros(hidden_size))
        self.read_out(task, hidden_size=hidden_size)
        self.auxiliary_heads = None
        if auxiliary_weight > 0 and self.max_segments > 1:
            self.auxiliary_heads = SegmentHeads(heads=self.max_segments - 1, hidden_size=hidden_size, vocabulary=task.vocabulary_size)

    @property
    def initials(self) -> dict[str, Tensor]:
        """Zero: every segment begins with adding the input to both states."""
        return {"z_H": self.h_initial, "z_L": self.l_initial}

    def initial_carry(self, batch_size: int, positions: int | None = None) -> Carry:
        """Both states at every position, (B, P + S, 3 D) and (B, P + S, D), and (B,) int64 the segments that each example has had."""
        segment = torch.zeros(batch_size, dtype=torch.int64, device=self.h_initial.device)
        return {**super().initial_carry(batch_size, positions), "segment": segment}

    def think(self, states: Carry, embedded: Tensor, context: AttentionContext) -> Carry:
        """All cycles of one segment; where a position takes fewer, it keeps its states during the others."""
        z_H, z_L, segment, updated = states["z_H"], states["z_L"], states["segment"], self.updates()
        enough = self._enough_cycles(z_H, segment)
        z_H, z_L = z_H + self.to_planner(embedded), z_L + embedded
        none = embedded.new_zeros(())
        for cycle in range(self.h_cycles):
            guided = self.guide(z_H, z_L)
            for _ in range(self.l_cycles):
                guided = updated(guided, self.executor(guided, none, context))
            planned = updated(z_H, self.planner(z_H, self.to_planner(guided), context))
            if enough is not None and cycle > 0:
                planned, guided = torch.where(cycle < enough, planned, z_H), torch.where(cycle < enough, guided, z_L)
            z_H, z_L = planned, guided
        return {"z_H": z_H, "z_L": z_L, "segment": segment + 1}

    def guide(self, z_H: Tensor, z_L: Tensor) -> Tensor:
        """(B, P + S, D) the executor's state where the gate is open (1), the planner's guidance where it is closed."""
        guidance = self.to_executor(z_H)
        gate = torch.sigmoid(self.guidance_gate(guidance))
        return gate * z_L + (1 - gate) * guidance

    def _enough_cycles(self, z_H: Tensor, segment: Tensor) -> Tensor | None:
        """(B, P + S, 1) or, with one score for an example, (B, 1, 1): planner cycles that are enough; None for all, everywhere."""
        if self.training or not self.adaptive_cycles or self.halting_head is None or self.h_cycles == 1:
            return None
        q_halt, _ = self.halting_head(self.for_heads(z_H), tokens=z_H.shape[1])
        confidence = torch.sigmoid(q_halt).view(q_halt.shape[0], -1, 1)
        fewer = torch.where(confidence > _CONFIDENT, 1, self.h_cycles - 1)
        return torch.where((confidence > _FAIRLY_CONFIDENT) & (segment > 0)[:, None, None], fewer, self.h_cycles)

    def for_heads(self, state: Tensor) -> Tensor:
        """(B, P + S, D) of the planner's state (B, P + S, 3 D)."""
        return self.to_heads(state)

    def read_state(self, state: Tensor, *, tokens: int) -> Prediction | None:
        """None of the executor's states: the heads read the planner."""
        return super().read_state(state, tokens=tokens) if state.shape[-1] == len(self.h_initial) else None

    def forward(self, carry: Carry, batch: Batch, state: DecodingState | None = None) -> tuple[Carry, Prediction]:
        thought = self.think(carry, *self.embedding(batch, state))
        prediction = self._predicted(thought, tokens=batch.inputs.shape[1])
        losses = self._auxiliary_loss(thought["z_H"], carry["segment"], batch.labels) if self.training else {}
        return self._carried(thought), prediction._replace(losses=losses)

    def _auxiliary_loss(self, z_H: Tensor, segment: Tensor, labels: Tensor) -> Mapping[str, Tensor]:
        """(B,) weighted cross-entropy of each segment's own head, a mean over asked tokens; 0 in the last segment, which has none."""
        if self.auxiliary_heads is None:
            return {}
        logits = self.auxiliary_heads(self.for_heads(z_H)[:, -labels.shape[1] :], segment)
        asked = (labels != IGNORED_LABEL).sum(dim=-1).clamp(min=1)
        losses = token_losses(logits, labels.long(), "softmax").sum(dim=-1) / asked
        return {"auxiliary": self.auxiliary_weight * torch.where(segment < self.max_segments - 1, losses, 0.0)}

    def at_progress(self, progress: float) -> None:
        """Scale residual branches as this share of the training has it."""
        start, end = self.residual_scales
        for module in self.modules():
            if isinstance(module, ScaledBlock):
                module.scale.fill_(start + progress * (end - start))

    def embeddings_and_heads(self) -> list[nn.Module]:
        return [*super().embeddings_and_heads(), *([] if self.auxiliary_heads is None else [self.auxiliary_heads])]

    def stacks(self) -> list[nn.Module]:
        return [self.executor, self.planner]


class ScaledBlock(PreNormBlock):
    """A pre-norm block whose residual branches are scaled.

    Args:
        scale: their first factor; a buffer, which a schedule sets.

    The others are those of :class:`hrmlab.layers.blocks.PreNormBlock`.
    """

    scale: Tensor

    def __init__(self, *, hidden_size: int, num_heads: int, mlp_width: int, causal: bool, norm_epsilon: float, scale: float) -> None:
        super().__init__(hidden_size=hidden_size, num_heads=num_heads, mlp_width=mlp_width, causal=causal, norm_epsilon=norm_epsilon)
        self.register_buffer("scale", torch.tensor(scale))

    def forward(self, hidden: Tensor, context: AttentionContext) -> Tensor:
        """(B, P + S, D) to (B, P + S, D)."""
        hidden = hidden + self.scale * self.attention(self.attention_norm(hidden), context)
        return hidden + self.scale * self.mlp(self.mlp_norm(hidden))


class SegmentHeads(nn.Module):
    """One token head for each segment but the last.

    Args:
        heads: how many.
        hidden_size: channels D that they read.
        vocabulary: V.
    """

    def __init__(self, *, heads: int, hidden_size: int, vocabulary: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(truncated_normal_(torch.empty(heads, vocabulary, hidden_size), std=hidden_size**-0.5))

    def forward(self, state: Tensor, segment: Tensor) -> Tensor:
        """(B, S, D) to (B, S, V), each example by the head of its segment (B,), counted from 0; by the last head beyond it."""
        return state @ self.weight[segment.clamp(max=len(self.weight) - 1)].transpose(1, 2)


def _projection(inputs: int, outputs: int) -> nn.Linear:
    """A linear map with bias, as the original begins with it."""
    made = nn.Linear(inputs, outputs)
    truncated_normal_(made.weight, std=_STANDARD_DEVIATION)
    nn.init.zeros_(made.bias)
    return made
