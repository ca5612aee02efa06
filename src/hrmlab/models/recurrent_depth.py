"""A transformer of recurrent depth (Geiping et al. 2025, arXiv 2502.05171): prelude, a core that is looped, coda.

The core gets the prelude's output again in every loop. Training draws the number of loops anew for every batch and lets gradient through
the last ones only, so that answers may be had from any number of loops later (section 3.3).
"""

import math
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from hrmlab.config.schema import Count
from hrmlab.config.values import NotNegative, Positive
from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.randomness import CounterRandom, stream_key
from hrmlab.core.task import TaskSpec
from hrmlab.layers.attention import AttentionContext
from hrmlab.layers.blocks import Stack, stack_of
from hrmlab.layers.decoding import DecodingState
from hrmlab.layers.heads import TokenHead
from hrmlab.layers.initialization import LecunLinear
from hrmlab.layers.options import EmbeddingOptions, UpdateOptions
from hrmlab.models.attending import AttendingReasoner, initial_vector
from hrmlab.models.perturbation import Updates, drawn_from, random_start

_SPREAD = 0.5
"""Standard deviation of the logarithm of the number of loops (section 3.3)."""
_MOST = 4
"""No batch gets more than so many times the usual number of loops."""


class RecurrentDepth(AttendingReasoner):
    """One pass whose depth is chosen at inference.

    Args:
        task: the task to build for.
        hidden_size: channels D, a multiple of 2 * num_heads.
        num_heads: attention heads.
        mlp_width: channels inside each SwiGLU.
        embedding: from tokens to channels.
        updates: how a loop moves the state.
        prelude_layers: blocks before the core.
        core_layers: blocks that are looped.
        coda_layers: blocks after it.
        loops: at inference; in training the mean, or the number where ``random_loops`` is off.
        random_loops: draw the number of loops for every training batch.
        gradient_loops: so many last loops carry gradient.
        random_start: standard deviation of the state before the first loop, which training draws (as the paper's is); afterwards it is the
            fixed vector times this number. 0: the fixed vector, always.
        norm_epsilon: added under the root of every normalisation.
    """

    cycle_argument: ClassVar[str | None] = "loops"
    initial: Tensor

    def __init__(
        self,
        *,
        task: TaskSpec,
        hidden_size: Count,
        num_heads: Count,
        mlp_width: Count,
        embedding: EmbeddingOptions,
        updates: UpdateOptions,
        prelude_layers: Count = 1,
        core_layers: Count = 2,
        coda_layers: Count = 1,
        loops: Count = 8,
        random_loops: bool = True,
        gradient_loops: Count = 4,
        random_start: Annotated[float, NotNegative()] = 0.0,
        norm_epsilon: Annotated[float, Positive()] = 1e-5,
    ) -> None:
        super().__init__(task=task)
        self.loops, self.random_loops, self.gradient_loops = loops, random_loops, gradient_loops
        self.random_start, self.update_options = random_start, updates
        self.embed(task, hidden_size=hidden_size, num_heads=num_heads, options=embedding)

        def part(layers: int) -> Stack:
            return stack_of(
                layers,
                norm="pre",
                hidden_size=hidden_size,
                num_heads=num_heads,
                mlp_width=mlp_width,
                causal=task.attention == "causal",
                norm_epsilon=norm_epsilon,
            )

        self.prelude, self.core, self.coda = part(prelude_layers), part(core_layers), part(coda_layers)
        self.adapter = LecunLinear(2 * hidden_size, hidden_size)
        self.core_norm = nn.RMSNorm(hidden_size, eps=norm_epsilon)
        self.register_buffer("initial", initial_vector(hidden_size))
        self.final_norm = nn.RMSNorm(hidden_size, eps=norm_epsilon)
        self.token_head = TokenHead(hidden_size, task.vocabulary_size)

    def forward(self, carry: Carry, batch: Batch, state: DecodingState | None = None) -> tuple[Carry, Prediction]:
        embedded, context = self.embedding(batch, state)
        none = embedded.new_zeros(())
        given = self.prelude(embedded, none, context)
        loops = self._drawn_loops(batch) if self.training and self.random_loops else self.loops
        hidden = self._looped(self._start(given), given, context, loops)
        hidden = self.coda(hidden, none, context)
        return carry, self.read_state(hidden, tokens=batch.inputs.shape[1])

    def read_state(self, state: Tensor, *, tokens: int) -> Prediction:
        return Prediction(self.token_head(self.final_norm(state[:, -tokens:])))

    def _start(self, given: Tensor) -> Tensor:
        """The state before the first loop, of the shape and type of the prelude's output (B, P + S, D)."""
        random = drawn_from(self)
        if self.random_start and random is not None:
            return random_start(given, "state", self.random_start, random)
        return ((self.random_start or 1.0) * self.initial).to(given.dtype).expand_as(given)

    def _looped(self, hidden: Tensor, given: Tensor, context: AttentionContext, loops: int) -> Tensor:
        updated = Updates(self.update_options, drawn_from(self))
        for loop in range(loops):
            with torch.set_grad_enabled(torch.is_grad_enabled() and loop >= loops - self.gradient_loops):
                looped = self.core_norm(self.core(self.adapter(torch.cat((hidden, given), dim=-1)), given.new_zeros(()), context))
                hidden = updated(hidden, looped)
        return hidden

    def _drawn_loops(self, batch: Batch) -> int:
        """Log-normal around the mean, drawn from the batch's own tokens: the same after a resume, with nothing to keep in a checkpoint."""
        if batch.inputs.is_meta:  # counting floating-point operations takes the mean
            return self.loops
        random = CounterRandom(stream_key(0, "recurrent depth"), batch.inputs.long().sum().view(1))
        one, other = random.uniform("loops", 2)[0].tolist()
        normal = math.sqrt(-2 * math.log1p(-one)) * math.cos(2 * math.pi * other)
        drawn = self.loops * math.exp(_SPREAD * normal - _SPREAD**2 / 2)
        return min(max(1, round(drawn)), _MOST * self.loops)

    def stacks(self) -> list[nn.Module]:
        return [self.prelude, self.core, self.coda]
