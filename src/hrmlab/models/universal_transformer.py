"""The Universal Transformer (Dehghani et al. 2019, arXiv 1807.03819): one step, applied again and again.

With ``adaptive`` every position halts by itself (Graves 2016, arXiv 1603.08983): its state is the mean of its steps, weighted by their
halting probabilities, and stays as it is once these add up to one.
"""

from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from hrmlab.config.schema import Count
from hrmlab.config.values import AtLeast, Positive
from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.task import TaskSpec
from hrmlab.layers.attention import AttentionContext
from hrmlab.layers.blocks import stack_of
from hrmlab.layers.decoding import DecodingState
from hrmlab.layers.heads import TokenHead
from hrmlab.layers.initialization import truncated_normal_
from hrmlab.layers.options import EmbeddingOptions, UpdateOptions
from hrmlab.models.attending import AttendingReasoner
from hrmlab.models.perturbation import Updates, drawn_from

_HALTED = 0.99
"""A position halts where its probabilities add up to this much (1 - epsilon of Graves 2016, section 2)."""


class UniversalTransformer(AttendingReasoner):
    """A pre-norm transformer whose blocks are shared by all depths.

    Args:
        task: the task to build for.
        hidden_size: channels D, a multiple of 2 * num_heads.
        num_heads: attention heads.
        mlp_width: channels inside each SwiGLU.
        embedding: from tokens to channels.
        updates: how a step moves the state, which starts as the input.
        layers: blocks of one step.
        loops: steps; with ``adaptive`` the most that a position may take.
        adaptive: learn at every position how many steps it takes.
        ponder_weight: of the mean number of steps (and the remainder, which carries the gradient) in the loss; for ``adaptive`` alone.
        norm_epsilon: added under the root of every normalisation.
    """

    cycle_argument: ClassVar[str | None] = "loops"

    def __init__(
        self,
        *,
        task: TaskSpec,
        hidden_size: Count,
        num_heads: Count,
        mlp_width: Count,
        embedding: EmbeddingOptions,
        updates: UpdateOptions,
        layers: Count = 1,
        loops: Count = 8,
        adaptive: bool = False,
        ponder_weight: Annotated[float, AtLeast(0)] = 0.001,
        norm_epsilon: Annotated[float, Positive()] = 1e-5,
    ) -> None:
        super().__init__(task=task)
        self.loops, self.ponder_weight, self.update_options = loops, ponder_weight, updates
        self.embed(task, hidden_size=hidden_size, num_heads=num_heads, options=embedding)
        causal = task.attention == "causal"
        self.stack = stack_of(
            layers, norm="pre", hidden_size=hidden_size, num_heads=num_heads, mlp_width=mlp_width, causal=causal, norm_epsilon=norm_epsilon
        )
        self.step_embedding = nn.Parameter(truncated_normal_(torch.empty(loops, hidden_size), std=1.0))
        self.final_norm = nn.RMSNorm(hidden_size, eps=norm_epsilon)
        self.halting = nn.Linear(hidden_size, 1) if adaptive else None
        self.token_head = TokenHead(hidden_size, task.vocabulary_size)

    def forward(self, carry: Carry, batch: Batch, state: DecodingState | None = None) -> tuple[Carry, Prediction]:
        embedded, context = self.embedding(batch, state)
        updated = Updates(self.update_options, drawn_from(self))
        run = self._all_steps if self.halting is None else self._until_halted
        hidden, ponder = run(embedded, context, updated)
        losses = {} if ponder is None or not self.training else {"ponder": self.ponder_weight * ponder.mean(dim=-1)}
        return carry, self._read(hidden, tokens=batch.inputs.shape[1])._replace(losses=losses)

    def read_state(self, state: Tensor, *, tokens: int) -> Prediction | None:
        """None where positions halt by themselves (what is read there is a mean of states), and with damping."""
        return self._read(state, tokens=tokens) if self.halting is None and not self.update_options.damping else None

    def _read(self, state: Tensor, *, tokens: int) -> Prediction:
        return Prediction(self.token_head(self.final_norm(state[:, -tokens:])))

    def _all_steps(self, hidden: Tensor, context: AttentionContext, updated: Updates) -> tuple[Tensor, None]:
        for loop in range(self.loops):
            hidden = updated(hidden, self._step(hidden, loop, context))
        return hidden, None

    def _step(self, hidden: Tensor, loop: int, context: AttentionContext) -> Tensor:
        return self.stack(hidden + self.step_embedding[loop].to(hidden.dtype), hidden.new_zeros(()), context)

    def _until_halted(self, hidden: Tensor, context: AttentionContext, updated: Updates) -> tuple[Tensor, Tensor]:
        """The weighted mean of every position's states, and (B, P + S) its steps with the remainder (Graves 2016, equations 6 to 9)."""
        assert self.halting is not None
        mean, halted = torch.zeros_like(hidden), hidden.new_zeros(hidden.shape[:2], dtype=torch.float32)
        ponder = torch.zeros_like(halted)
        for loop in range(self.loops):
            running = halted < _HALTED
            stepped = updated(hidden, self._step(hidden, loop, context))
            hidden = torch.where(running[..., None], stepped, hidden)
            probability = torch.sigmoid(self.halting(hidden)[..., 0].float())
            ends = (halted + probability >= _HALTED) | (loop == self.loops - 1)
            weight = torch.where(running, torch.where(ends, 1 - halted, probability), 0)
            ponder = ponder + running + torch.where(running & ends, weight, 0)
            mean = mean + weight[..., None].to(hidden.dtype) * hidden
            halted = torch.where(running & ends, 1.0, halted + weight)
        return mean, ponder

    def stacks(self) -> list[nn.Module]:
        return [self.stack]
