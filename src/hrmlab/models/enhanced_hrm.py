"""HRM with a deeper worker, cycles that know their number and stop by entropy, skips across cycles, and a head for latent thoughts.

A segment is up to ``cycles`` cycles of worker and planner, all with gradient. How far a position (with full attention: an example) goes
is decided by the normalised entropy of what it would answer. In training the gate is soft: the state of the segment is the mean of the
cycles' states, weighted as in Graves 2016 (arXiv 1603.08983) by the probability of stopping there, so that gradient reaches every cycle. At
inference it is hard and exact: the state of the first cycle whose entropy is below the threshold, or of the last; later cycles are left out
only where nobody needs them, which changes no number.
"""

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from hrmlab.config.schema import Count
from hrmlab.config.values import AtLeast, NotNegative, Positive, ZeroToOne
from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.task import TaskSpec
from hrmlab.layers.attention import AttentionContext
from hrmlab.layers.blocks import Stack, plain_rms_norm, stack_of
from hrmlab.layers.decoding import DecodingState
from hrmlab.layers.initialization import LecunLinear
from hrmlab.layers.options import EmbeddingOptions, SegmentOptions
from hrmlab.layers.rotary import RotaryTable
from hrmlab.models.attending import RecurrentReasoner, initial_vector


class EnhancedHRM(RecurrentReasoner):
    """Planner and worker with gated cycles.

    Args:
        task: the task to build for.
        hidden_size: channels D, a multiple of 2 * num_heads.
        num_heads: attention heads.
        mlp_width: channels inside each SwiGLU.
        embedding: from tokens to channels; with ``rope`` each cycle has wavelengths of its own (base ``rope_theta`` times its number),
            because an angle that is added to query and key alike would cancel.
        segments: how often an example is looked at.
        planner_layers: blocks of the slow module.
        worker_layers: blocks of the fast module.
        cycles: the most that a segment may take.
        entropy_threshold: entropy of the answer, as a share of log V, below which a cycle is the last.
        gate_temperature: of the soft gate in training, in the unit of the threshold.
        latent_size: channels of a latent thought.
        consistency_weight: of one minus the cosine between the thoughts of a cycle and of the next, towards the later one.
        tied_embeddings: the token head reads with the matrix of the token embedding.
        norm_epsilon: added under the root of every normalisation.
    """

    cycle_argument: ClassVar[str | None] = "cycles"
    part_names: ClassVar[Mapping[str, str]] = {"H": "planner", "L": "worker"}
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
        planner_layers: Count = 4,
        worker_layers: Count = 6,
        cycles: Annotated[int, AtLeast(2)] = 4,
        entropy_threshold: Annotated[float, ZeroToOne()] = 0.3,
        gate_temperature: Annotated[float, Positive()] = 0.1,
        latent_size: Count = 256,
        consistency_weight: Annotated[float, NotNegative()] = 0.1,
        tied_embeddings: bool = True,
        norm_epsilon: Annotated[float, Positive()] = 1e-5,
    ) -> None:
        super().__init__(task=task, segments=segments)
        self.cycles, self.entropy_threshold, self.gate_temperature = cycles, entropy_threshold, gate_temperature
        self.consistency_weight, self.norm_epsilon = consistency_weight, norm_epsilon
        self.embed(task, hidden_size=hidden_size, num_heads=num_heads, options=embedding)

        def level(layers: int) -> Stack:
            return stack_of(
                layers,
                norm="post",
                hidden_size=hidden_size,
                num_heads=num_heads,
                mlp_width=mlp_width,
                causal=task.attention == "causal",
                norm_epsilon=norm_epsilon,
            )

        self.planner, self.worker = level(planner_layers), level(worker_layers)
        length = self.prefix_length + task.sequence_length
        bases = [embedding.rope_theta * number for number in range(2, cycles + 1)] if embedding.positions == "rope" else []
        self.later_rotary = nn.ModuleList(RotaryTable(head_size=hidden_size // num_heads, positions=length, theta=base) for base in bases)
        self.skip = nn.Parameter(torch.zeros(cycles, hidden_size))
        self.register_buffer("h_initial", initial_vector(hidden_size))
        self.register_buffer("l_initial", initial_vector(hidden_size))
        self.latent_head = LecunLinear(hidden_size, latent_size)
        self.read_out(task, hidden_size=hidden_size)
        if tied_embeddings:
            self.token_head.weight = self.embedding.token.weight

    @property
    def initials(self) -> dict[str, Tensor]:
        return {"z_H": self.h_initial, "z_L": self.l_initial}

    def think(self, states: Carry, embedded: Tensor, context: AttentionContext) -> Carry:
        return self._segment(states, embedded, context)[0]

    def forward(self, carry: Carry, batch: Batch, state: DecodingState | None = None) -> tuple[Carry, Prediction]:
        thought, planned = self._segment(carry, *self.embedding(batch, state))
        prediction = self._predicted(thought, tokens=batch.inputs.shape[1])
        if self.training:
            prediction = prediction._replace(losses={"consistency": self.consistency_weight * self._inconsistency(planned)})
        return self._carried(thought), prediction

    def read_state(self, state: Tensor, *, tokens: int) -> Prediction | None:
        """None: what is read is no output of a stack, but gated over cycles."""
        return None

    def latent_thoughts(self, state: Tensor) -> Tensor:
        """(B, P + S, latent_size) of a planner's state (B, P + S, D): the second head."""
        return self.latent_head(state)

    def _segment(self, states: Carry, embedded: Tensor, context: AttentionContext) -> tuple[Carry, list[Tensor]]:
        """The states after all cycles, gated, and the planner's state after each of them."""
        z_H, z_L, updated = states["z_H"], states["z_L"], self.updates()
        planned: list[Tensor] = []
        mean_H, mean_L = torch.zeros_like(z_H), torch.zeros_like(z_L)
        going = torch.ones_like(z_H[..., :1], dtype=torch.float32)
        for cycle in range(self.cycles):
            here = self._context(context, cycle)
            z_L = updated(z_L, self.worker(z_L, z_H + embedded, here))
            planned_H = self.planner(z_H, z_L, here) + torch.sigmoid(self.skip[cycle]).to(z_H.dtype) * z_H
            z_H = updated(z_H, plain_rms_norm(planned_H, self.norm_epsilon))
            planned.append(z_H)
            stops = self._stops(z_H) if cycle < self.cycles - 1 else torch.ones_like(going)
            weight, going = going * stops, going * (1 - stops)
            # At inference one weight of every position is 1 and the others 0: the sum is that cycle's state, to the bit.
            mean_H, mean_L = mean_H + weight.to(z_H.dtype) * z_H, mean_L + weight.to(z_L.dtype) * z_L
            if not self.training and context.cache is None and _can_be_looked_at(going) and not bool(going.any()):
                break  # what follows has weight 0 everywhere
        return {"z_H": mean_H, "z_L": mean_L}, planned

    def _context(self, context: AttentionContext, cycle: int) -> AttentionContext:
        """What attention knows in this cycle: the first one's rotary table is the embedding's own."""
        if cycle == 0 or not self.later_rotary:
            return context
        return context._replace(rotary=self.later_rotary[cycle - 1](context.positions))

    def _stops(self, z_H: Tensor) -> Tensor:
        """(B, P + S, 1) or, with full attention, (B, 1, 1) float32: the probability of stopping here; at inference 0 or 1."""
        log_p = self.token_head(z_H if self.task.attention == "causal" else z_H[:, self.prefix_length :]).float().log_softmax(dim=-1)
        entropy = -(log_p.exp() * log_p).sum(-1, keepdim=True) / math.log(self.task.vocabulary_size)
        if self.task.attention == "full":
            entropy = entropy.mean(dim=1, keepdim=True)
        if not self.training:
            return (entropy < self.entropy_threshold).float()
        return torch.sigmoid((self.entropy_threshold - entropy) / self.gate_temperature)

    def _inconsistency(self, planned: list[Tensor]) -> Tensor:
        """(B,) how far the thoughts of a cycle are from those of the next, which are the target."""
        thoughts = [self.latent_thoughts(state).float() for state in planned]
        apart = [1 - cosine_similarity(one, two.detach(), dim=-1).mean(dim=-1) for one, two in pairwise(thoughts)]
        return torch.stack(apart).mean(dim=0)

    def stacks(self) -> list[nn.Module]:
        return [self.planner, self.worker]


def _can_be_looked_at(values: Tensor) -> bool:
    """Whether a tensor's values may decide what is computed: not while operations are counted or written down."""
    return not values.is_meta and not torch.compiler.is_compiling()
