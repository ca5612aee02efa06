"""What all arms that attend share: input embedding, token head, keys and values as decoding state; and a carry, where they have one."""

from abc import abstractmethod

import torch
from torch import Tensor

from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.task import TaskSpec
from hrmlab.layers.attention import AttentionContext
from hrmlab.layers.cache import KeyValueCache
from hrmlab.layers.decoding import DecodingState
from hrmlab.layers.embeddings import InputEmbedding
from hrmlab.layers.heads import HaltingHead, TokenHead
from hrmlab.layers.initialization import truncated_normal_
from hrmlab.layers.options import EmbeddingOptions, SegmentOptions
from hrmlab.models.reasoner import Reasoner
from hrmlab.models.sizing import TRANSFORMER_WIDTHS


class AttendingReasoner(Reasoner):
    """A reasoner over an :class:`InputEmbedding`, whose attention keeps keys and values while it writes.

    Subclasses call :meth:`embed` first in their constructor and make ``token_head`` where their order of initialisation wants it.
    """

    solves = TRANSFORMER_WIDTHS
    embedding: InputEmbedding

    def embed(self, task: TaskSpec, *, hidden_size: int, num_heads: int, options: EmbeddingOptions) -> None:
        """Make the input embedding."""
        self.embedding = InputEmbedding(task=task, hidden_size=hidden_size, num_heads=num_heads, options=options)

    @property
    def prefix_length(self) -> int:
        return self.embedding.prefix_length

    def decoding_state(self, *, capacity: int) -> KeyValueCache:
        return KeyValueCache(capacity=capacity)


class RecurrentReasoner(AttendingReasoner):
    """An attending reasoner that carries states of all positions from segment to segment, and may learn when to stop.

    A subclass says what one segment makes of the states (:meth:`think`) and names them with their initial vectors (``initials``); the first
    one is read out. Each state starts as one fixed random vector at every position.
    """

    token_head: TokenHead
    halting_head: HaltingHead | None

    def __init__(self, *, task: TaskSpec, segments: SegmentOptions) -> None:
        super().__init__(task=task, max_segments=segments.max_segments, exploration=segments.exploration, halting=segments.halting)

    def read_out(self, task: TaskSpec, *, hidden_size: int) -> None:
        """Make the heads: tokens and, where the model learns to stop, halting."""
        self.token_head = TokenHead(hidden_size, task.vocabulary_size)
        self.halting_head = HaltingHead(hidden_size=hidden_size, causal=task.attention == "causal") if self.halts else None

    @property
    @abstractmethod
    def initials(self) -> dict[str, Tensor]:
        """Name of each state and its initial vector (D,); the first state is read out."""

    @abstractmethod
    def think(self, states: Carry, embedded: Tensor, context: AttentionContext) -> Carry:
        """The states after one segment, (B, P + S, D) each; ``embedded`` (B, P + S, D) is the input."""

    def initial_carry(self, batch_size: int, positions: int | None = None) -> Carry:
        """Every state at every position, (B, P + S, D) each."""
        length = positions or self.prefix_length + self.task.sequence_length
        return {name: initial.expand(batch_size, length, -1).clone() for name, initial in self.initials.items()}

    def forward(self, carry: Carry, batch: Batch, state: DecodingState | None = None) -> tuple[Carry, Prediction]:
        thought = self.think(carry, *self.embedding(batch, state))
        read = next(iter(thought.values()))
        logits = self.token_head(read[:, -batch.inputs.shape[1] :])
        q_halt, q_continue = (None, None) if self.halting_head is None else self.halting_head(read, tokens=batch.inputs.shape[1])
        return {name: value.detach() for name, value in thought.items()}, Prediction(logits, q_halt, q_continue)

    def look_ahead(self, carry: Carry, batch: Batch) -> tuple[Tensor, Tensor]:
        if self.halting_head is None:
            return super().look_ahead(carry, batch)
        read = next(iter(self.think(carry, *self.embedding(batch)).values()))
        return self.halting_head(read, tokens=batch.inputs.shape[1])


def initial_vector(hidden_size: int) -> Tensor:
    """(D,) a fixed random vector; a buffer, not a parameter, as in the HRM release."""
    return truncated_normal_(torch.empty(hidden_size), std=1.0)
