"""Three arms of a user's own: a recurrent net with its own state, an arm with two auxiliary losses, a mixer that cannot be causal."""

from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gelu

from hrmlab.config.values import AtLeast, NotNegative
from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.task import IGNORED_LABEL, TaskSpec
from hrmlab.layers.decoding import DecodingState, RecurrentState
from hrmlab.layers.heads import TokenHead
from hrmlab.models.reasoner import Reasoner
from hrmlab.models.sizing import Width


class GRU(Reasoner):
    """A gated recurrent unit over the tokens (Cho et al. 2014), read in both directions where the task lets it see the future.

    Args:
        task: the task to build for.
        hidden_size: channels of the state; the one width that the budget solves.
    """

    solves = (Width("hidden_size"),)

    def __init__(self, *, task: TaskSpec, hidden_size: Annotated[int, AtLeast(1)]) -> None:
        super().__init__(task=task)
        both = task.attention == "full"
        self.embedding = nn.Embedding(task.vocabulary_size, hidden_size)
        self.recurrence = nn.GRU(hidden_size, hidden_size, batch_first=True, bidirectional=both)
        self.token_head = TokenHead(hidden_size * (1 + both), task.vocabulary_size)

    def forward(self, carry: Carry, batch: Batch, state: DecodingState | None = None) -> tuple[Carry, Prediction]:
        embedded = self.embedding(batch.inputs)
        fresh = embedded.new_zeros(embedded.shape[0], self.recurrence.hidden_size)
        if not isinstance(state, RecurrentState):
            return carry, Prediction(self.token_head(self.recurrence(embedded)[0]))
        hidden, _ = self.recurrence(embedded, state.recall(fresh)[None])
        state.remember(hidden)
        return carry, Prediction(self.token_head(hidden))

    def decoding_state(self, *, capacity: int) -> RecurrentState:
        return RecurrentState()


class Planner(Reasoner):
    """A planner guesses an answer, an executor mends it; both guesses and the planner's confidence are learned. It stops where q_halt > 0.

    Args:
        task: the task to build for.
        hidden_size: channels.
        planner_weight: of the loss of the planner's own answer.
        sparsity_weight: of the mean size of the plan.
        max_segments: how often it looks at an example.
    """

    solves = (Width("hidden_size", step=4),)

    def __init__(
        self,
        *,
        task: TaskSpec,
        hidden_size: Annotated[int, AtLeast(1)],
        planner_weight: Annotated[float, NotNegative()] = 0.3,
        sparsity_weight: Annotated[float, NotNegative()] = 0.01,
        max_segments: Annotated[int, AtLeast(1)] = 2,
    ) -> None:
        super().__init__(task=task, max_segments=max_segments, exploration=0.1, halting=True, continues=False)
        self.planner_weight, self.sparsity_weight = planner_weight, sparsity_weight
        both = task.attention == "full"
        self.width = hidden_size * (1 + both)
        self.embedding = nn.Embedding(task.vocabulary_size, hidden_size)
        self.planner = nn.GRU(hidden_size + self.width, hidden_size, batch_first=True, bidirectional=both)
        self.executor = nn.GRU(hidden_size + self.width, hidden_size, batch_first=True, bidirectional=both)
        self.planner_head = TokenHead(self.width, task.vocabulary_size)
        self.token_head = TokenHead(self.width, task.vocabulary_size)
        self.halting_head = nn.Linear(self.width, 1)

    def initial_carry(self, batch_size: int, positions: int | None = None) -> Carry:
        length = positions or self.task.sequence_length
        return {"z": torch.zeros(batch_size, length, self.width, device=self.embedding.weight.device)}

    def forward(self, carry: Carry, batch: Batch, state: DecodingState | None = None) -> tuple[Carry, Prediction]:
        embedded = self.embedding(batch.inputs)
        plan = self._recur(self.planner, torch.cat((embedded, carry["z"].to(embedded.dtype)), dim=-1), state)
        done = self._recur(self.executor, torch.cat((embedded, plan), dim=-1), state)
        scores = self.halting_head(done)[..., 0].float()
        halting = scores if self.task.attention == "causal" else scores.mean(dim=1)
        losses = {}
        if self.training:
            said = self.planner_head(plan).float().transpose(1, 2)
            asked = batch.labels != IGNORED_LABEL
            guesses = cross_entropy(said, batch.labels, ignore_index=IGNORED_LABEL, reduction="none").sum(-1)
            losses = {
                "planner": self.planner_weight * guesses / asked.sum(-1).clamp(min=1),
                "sparsity": self.sparsity_weight * plan.float().abs().mean(dim=(1, 2)),
            }
        return {"z": done.detach()}, Prediction(self.token_head(done), halting, None, losses)

    def _recur(self, network: nn.GRU, inputs: Tensor, state: DecodingState | None) -> Tensor:
        if not isinstance(state, RecurrentState):
            return network(inputs)[0]
        hidden, _ = network(inputs, state.recall(inputs.new_zeros(len(inputs), network.hidden_size))[None])
        state.remember(hidden)
        return hidden

    def decoding_state(self, *, capacity: int) -> RecurrentState:
        return RecurrentState()


class Mixer(Reasoner):
    """An MLP-mixer (Tolstikhin et al. 2021): every position reads every other through a table, so it cannot be causal.

    Args:
        task: the task to build for.
        hidden_size: channels.
    """

    solves = (Width("hidden_size"),)
    attention_kinds = ("full",)

    def __init__(self, *, task: TaskSpec, hidden_size: Annotated[int, AtLeast(1)]) -> None:
        super().__init__(task=task)
        self.embedding = nn.Embedding(task.vocabulary_size, hidden_size)
        self.across = nn.Linear(task.sequence_length, task.sequence_length)
        self.within = nn.Linear(hidden_size, hidden_size)
        self.token_head = TokenHead(hidden_size, task.vocabulary_size)

    def forward(self, carry: Carry, batch: Batch, state: DecodingState | None = None) -> tuple[Carry, Prediction]:
        hidden = self.embedding(batch.inputs)
        hidden = hidden + gelu(self.across(hidden.transpose(1, 2)).transpose(1, 2))
        return carry, Prediction(self.token_head(hidden + gelu(self.within(hidden))))
