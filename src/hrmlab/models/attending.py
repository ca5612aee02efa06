"""What all arms that attend share: input embedding, token head, keys and values as decoding state; and a carry, where they have one."""

from abc import abstractmethod
from dataclasses import replace
from typing import Literal

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
from hrmlab.models.perturbation import Updates, drawn_from, random_start, undisturbed
from hrmlab.models.reasoner import Reasoner
from hrmlab.models.sizing import TRANSFORMER_WIDTHS

SeenAttention = Literal["causal", "as_published"]
"""What an arm's attention makes of a causal task: it hides the future, or sees it as some published models do that were trained so."""


class AttendingReasoner(Reasoner):
    """A reasoner over an :class:`InputEmbedding`, whose attention keeps keys and values while it writes.

    Subclasses call :meth:`embed` first in their constructor and make ``token_head`` where their order of initialisation wants it.
    """

    solves = TRANSFORMER_WIDTHS
    embedding: InputEmbedding

    def embed(
        self, task: TaskSpec, *, hidden_size: int, num_heads: int, options: EmbeddingOptions, puzzle_positions: int | None = None
    ) -> None:
        """Make the input embedding; ``puzzle_positions`` for its prefix instead of as many as the puzzle embedding fills."""
        self.embedding = InputEmbedding(
            task=task, hidden_size=hidden_size, num_heads=num_heads, options=options, puzzle_positions=puzzle_positions
        )

    def seen(self, task: TaskSpec, attention: SeenAttention) -> TaskSpec:
        """The task as attention sees it, to be given to :meth:`embed`: on purpose with full attention where it is ``as_published``.

        Nothing else of the task changes: halting scores still belong to tokens. A task with full attention is seen as it is.
        """
        if attention == "causal" or task.attention == "full":
            return task
        self.sees_future = "model.attention=as_published"
        return replace(task, attention="full")

    @property
    def prefix_length(self) -> int:
        return self.embedding.prefix_length

    def decoding_state(self, *, capacity: int) -> KeyValueCache | None:
        """Keys and values; none where positions see later ones, whose keys change with every token that is written."""
        return KeyValueCache(capacity=capacity) if self.sees_future is None else None


class RecurrentReasoner(AttendingReasoner):
    """An attending reasoner that carries states of all positions from segment to segment, and may learn when to stop.

    A subclass says what one segment makes of the states (:meth:`think`) and names them with their initial vectors (``initials``); the first
    one is read out. Each state starts as one fixed random vector at every position, or as :class:`SegmentOptions` has it. Every update of a
    state goes through :meth:`updates`.
    """

    token_head: TokenHead
    halting_head: HaltingHead | None

    def __init__(self, *, task: TaskSpec, segments: SegmentOptions, continues: bool = True) -> None:
        super().__init__(
            task=task,
            max_segments=segments.max_segments,
            exploration=segments.exploration,
            halting=segments.halting,
            continues=segments.halting and continues,
        )
        self.halting_threshold = segments.halting_threshold
        self.segment_options = segments

    def updates(self) -> Updates:
        """For one segment: what becomes of a state and of what was made of it."""
        return Updates(self.segment_options, drawn_from(self))

    def read_out(self, task: TaskSpec, *, hidden_size: int) -> None:
        """Make the heads: tokens and, where the model learns to stop, halting."""
        self.token_head = TokenHead(hidden_size, task.vocabulary_size)
        self.halting_head = None
        if self.halts:
            self.halting_head = HaltingHead(hidden_size=hidden_size, causal=task.attention == "causal", continues=self.continues)

    @property
    @abstractmethod
    def initials(self) -> dict[str, Tensor]:
        """Name of each state and its initial vector (D,); the first state is read out."""

    @abstractmethod
    def think(self, states: Carry, embedded: Tensor, context: AttentionContext) -> Carry:
        """The states after one segment, (B, P + S, D) each; ``embedded`` (B, P + S, D) is the input."""

    def for_heads(self, state: Tensor) -> Tensor:
        """What the heads get of the state that is read out; the state itself unless a subclass says otherwise."""
        return state

    def _read(self, state: Tensor, *, tokens: int) -> Prediction:
        """What the heads say of a carried state (B, P + S, D)."""
        read = self.for_heads(state)
        logits = self.token_head(read[:, -tokens:])
        q_halt, q_continue = (None, None) if self.halting_head is None else self.halting_head(read, tokens=tokens)
        return Prediction(logits, q_halt, q_continue, halting_threshold=self.halting_threshold)

    def read_state(self, state: Tensor, *, tokens: int) -> Prediction | None:
        """None with damping: no stack puts out a state then, but what it is moved towards."""
        return None if self.segment_options.damping else self._read(state, tokens=tokens)

    def read_carry(self, carry: Carry, tokens: int) -> Prediction | None:
        return self._read(carry[next(iter(self.initials))], tokens=tokens)

    def initial_carry(self, batch_size: int, positions: int | None = None) -> Carry:
        """Every state at every position, (B, P + S, D) each."""
        length = positions or self.prefix_length + self.task.sequence_length
        scale = self.segment_options.random_start or 1.0
        return {name: (scale * initial).expand(batch_size, length, -1).clone() for name, initial in self.initials.items()}

    def starting_carry(self, batch_size: int) -> Carry:
        carry, deviation, random = self.initial_carry(batch_size), self.segment_options.random_start, drawn_from(self)
        if not deviation or random is None:
            return carry
        return carry | {name: random_start(carry[name], name, deviation, random) for name in self.initials}

    def forward(self, carry: Carry, batch: Batch, state: DecodingState | None = None) -> tuple[Carry, Prediction]:
        thought = self.think(carry, *self.embedding(batch, state))
        return self._carried(thought), self._predicted(thought, tokens=batch.inputs.shape[1])

    def _carried(self, thought: Carry) -> Carry:
        """The states for the next segment."""
        return {name: value.detach() for name, value in thought.items()}

    def _predicted(self, thought: Carry, *, tokens: int) -> Prediction:
        """What is said of the states after a segment; while training with these states themselves."""
        prediction = self._read(thought[next(iter(self.initials))], tokens=tokens)
        return prediction._replace(states=thought) if self.training else prediction

    def look_ahead(self, carry: Carry, batch: Batch) -> tuple[Tensor, Tensor]:
        if self.halting_head is None or not self.continues:
            return super().look_ahead(carry, batch)
        with undisturbed(self):  # what the next segment is worth, not one disturbed course of it
            read = self.for_heads(next(iter(self.think(carry, *self.embedding(batch)).values())))
        q_halt, q_continue = self.halting_head(read, tokens=batch.inputs.shape[1])
        assert q_continue is not None
        return q_halt, q_continue


def initial_vector(hidden_size: int) -> Tensor:
    """(D,) a fixed random vector; a buffer, not a parameter, as in the HRM release."""
    return truncated_normal_(torch.empty(hidden_size), std=1.0)
