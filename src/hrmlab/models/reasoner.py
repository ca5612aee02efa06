"""The contract that every model meets, so that one training loop, one evaluation loop and one report serve them all."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.errors import UserError
from hrmlab.core.randomness import CounterRandom
from hrmlab.core.task import AttentionKind, TaskSpec
from hrmlab.layers.decoding import DecodingState
from hrmlab.layers.heads import TokenHead
from hrmlab.models.sizing import Solved


class Reasoner(nn.Module, ABC):
    """Maps (carry, batch) to (carry, prediction): one supervised segment per call.

    Attributes:
        solves: arguments of the constructor that the budget may solve; null in YAML. Without any the model must fit as it is.
        attention_kinds: kinds of task that it can be built for; a model that mixes all positions cannot be causal.
        cycle_argument: the argument, and attribute, that says how many cycles a segment has; None where a segment is one pass.
        part_names: further names of its :meth:`parts`: what the field calls them -> the attribute, such as ``H`` -> ``h_level``.
        task: the task it was built for.
        max_segments: after this many segments a slot is halted whatever the halting head says. 1 for a one-pass model.
        exploration: probability with which training demands a random minimum number of segments of an example (Wang et al. 2025,
            "Adaptive computational time").
        halts: whether predictions carry ``q_halt_logits`` and training learns them.
        arguments: what the constructor was given, by name: with the class they make the same architecture again.
        continues: whether they carry ``q_continue_logits`` too, so that training bootstraps them from :meth:`look_ahead`.
        sees_future: the option (``model.attention=as_published``) by which a reasoner sees, on purpose, what a causal task hides: it is
            there to show what a leak is worth, and the causality audit has to catch it. None for a reasoner that keeps to its task.
        random: random numbers of the training step, a row for each slot, which training sets before every one of them; None elsewhere. A
            reasoner that draws while it trains takes them from here, so that a resumed run draws the same.
    """

    arguments: Mapping[str, Any]
    solves: ClassVar[tuple[Solved, ...]] = ()
    attention_kinds: ClassVar[tuple[AttentionKind, ...]] = ("full", "causal")
    cycle_argument: ClassVar[str | None] = None
    part_names: ClassVar[Mapping[str, str]] = {}

    def __new__(cls, *positional: Any, **arguments: Any) -> Self:
        made = super().__new__(cls)
        made.arguments = arguments
        return made

    def __init__(
        self, *, task: TaskSpec, max_segments: int = 1, exploration: float = 0.0, halting: bool = False, continues: bool | None = None
    ) -> None:
        super().__init__()
        self.task = task
        self.max_segments = max_segments
        self.exploration = exploration
        self.halts = halting
        self.continues = halting if continues is None else continues
        self.sees_future: str | None = None
        self.random: CounterRandom | None = None

    @abstractmethod
    def forward(self, carry: Carry, batch: Batch, state: DecodingState | None = None) -> tuple[Carry, Prediction]:
        """One segment. The carry that comes back is detached: no gradient crosses segments.

        With a ``state`` the batch holds only the tokens that follow those that the state has seen, and the carry only their states; see
        :mod:`hrmlab.layers.decoding`.
        """

    def initial_carry(self, batch_size: int, positions: int | None = None) -> Carry:
        """The state of examples that have not been looked at yet; tensors (batch_size, ...).

        Args:
            batch_size: B.
            positions: positions of each row, the puzzle prefix included; None for the task's own length.
        """
        return {}

    @property
    def prefix_length(self) -> int:
        """Positions before the first token."""
        return 0

    def starting_carry(self, batch_size: int) -> Carry:
        """The state that slots (re)start with: the initial one, unless a reasoner draws another while it trains."""
        return self.initial_carry(batch_size)

    def restart(self, carry: Carry, restarted: Tensor) -> Carry:
        """The carry with the slots marked in ``restarted`` (B,) at their start again."""
        fresh = self.starting_carry(len(restarted))
        return {
            name: torch.where(restarted.view(-1, *[1] * (state.dim() - 1)), fresh[name].to(state.dtype), state)
            for name, state in carry.items()
        }

    @contextmanager
    def at_most_cycles(self, cycles: int | None) -> Iterator[None]:
        """Inside, a segment has so many of its cycles at most: less computation for an answer that is less thought over.

        Args:
            cycles: from 1 to the reasoner's own; None for all of them.

        Raises:
            UserError: another number, or a reasoner without cycles.
        """
        if cycles is None:
            yield
            return
        name = self.cycle_argument
        if name is None:
            raise UserError(f"max_cycles={cycles} is for models that think in cycles, and {type(self).__name__} has none; leave it out")
        own = getattr(self, name)
        if not 1 <= cycles <= own:
            raise UserError(f"max_cycles={cycles} is not possible: this model has {own} {name}; give 1 to {own}, or leave it out")
        setattr(self, name, cycles)
        try:
            yield
        finally:
            setattr(self, name, own)

    def at_progress(self, progress: float) -> None:
        """Told before every training step which share of the steps is done, in [0, 1): for what an arm changes by a schedule of its own.

        What it sets belongs into buffers, so that checkpoints hold it.
        """

    def look_ahead(self, carry: Carry, batch: Batch) -> tuple[Tensor, Tensor]:
        """Q-values (q_halt, q_continue), of the shape that predictions have, of the segment after ``carry``, without its token logits.

        This is what the bootstrapped target of q_continue needs; only reasoners that learn to continue are asked.
        """
        raise TypeError(f"{type(self).__name__} does not learn when to continue")

    def read_state(self, state: Tensor, *, tokens: int) -> Prediction | None:
        """What the heads would say if a segment ended with this state: the "logit lens" (nostalgebraist 2020), for looking into a model.

        Of the last state of a segment it is the segment's own prediction.

        Args:
            state: (B, P + S, D), as one of the :meth:`stacks` put it out.
            tokens: S.

        Returns:
            None where no head can read it.
        """
        return None

    def read_carry(self, carry: Carry, tokens: int) -> Prediction | None:
        """What the heads, as they are, say of the states that a segment of S = ``tokens`` left: what it had predicted, while nothing is
        learned in between. None for a reasoner without such states."""
        return None

    def decoding_state(self, *, capacity: int) -> DecodingState | None:
        """A fresh memory for rows of up to ``capacity`` positions, the prefix counted.

        None for a reasoner that has none: generation then lets it read the whole of each row again for every token, slow and right.
        """
        return None

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """Its parameters by part, the attribute under which they stand; one that several parts share belongs to the first alone."""
        found: dict[str, list[nn.Parameter]] = {}
        for name, parameter in self.named_parameters():
            found.setdefault(name.partition(".")[0], []).append(parameter)
        return found

    def embeddings_and_heads(self) -> list[nn.Module]:
        """The modules whose size the vocabulary and the data decide: embedding tables, and every head that reads tokens out of a state.

        They are left out of what ``match=non_embedding`` makes equal. A table or head of another class than ``nn.Embedding`` and
        :class:`hrmlab.layers.heads.TokenHead` has to be named here.
        """
        return [module for module in self.modules() if isinstance(module, nn.Embedding | TokenHead)]

    def stacks(self) -> list[nn.Module]:
        """The modules worth compiling: they hold nearly all the arithmetic and see static shapes. Muon updates their matrices."""
        return []

    def compile_stacks(self) -> None:
        """Compile each stack in place; state-dict names stay as they are."""
        for stack in self.stacks():
            stack.compile(dynamic=False)
