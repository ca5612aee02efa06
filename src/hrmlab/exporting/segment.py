"""One segment as a function of tensors alone, which is what torch.export and ONNX can write down.

What the loop around it needs is in it: a slot that is marked in ``restart`` begins afresh, so that nobody has to know how states begin, and
``stop`` says where the model would stop, so that nobody has to know the rule (:mod:`hrmlab.models.halting`).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hrmlab.core.batches import Batch, Prediction
from hrmlab.models.halting import wants_to_halt
from hrmlab.models.reasoner import Reasoner

INPUTS = ("inputs", "puzzle_ids", "restart")
"""Names of the arguments before the states."""
NEXT = "next_"
"""Before the name of a state that comes out."""


@dataclass(frozen=True)
class Names:
    """What goes in and comes out, in order.

    Attributes:
        states: of the carry, sorted; (B, ...) each.
        outputs: logits (B, S, V); q_halt, q_continue, stop of what the reasoner has, (B,) or (B, S) in causal mode; then the next states.
    """

    states: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of all arguments."""
        return (*INPUTS, *self.states)


class Segment(nn.Module):
    """From inputs, puzzle_ids, restart and the states to logits, the scores that there are, and the next states; see :class:`Names`.

    Args:
        reasoner: float32, in evaluation mode.
    """

    def __init__(self, reasoner: Reasoner) -> None:
        super().__init__()
        self.reasoner = reasoner
        carry = reasoner.initial_carry(1)
        self._states = tuple(sorted(carry))
        for name in self._states:
            self.register_buffer(_buffer(name), carry[name].clone())
        scores = (("q_halt",) if reasoner.halts else ()) + (("q_continue",) if reasoner.continues else ())
        self.names = Names(self._states, ("logits", *scores, *(("stop",) if scores else ()), *(NEXT + name for name in self._states)))

    def forward(self, inputs: Tensor, puzzle_ids: Tensor, restart: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """One segment.

        Args:
            inputs: (B, S) int64 token ids.
            puzzle_ids: (B,) int64.
            restart: (B,) bool, the slots whose states begin afresh, whatever is given for them.
            states: (B, ...) each, as the segment before put them out.
        """
        carry = {}
        for name, state in zip(self._states, states, strict=True):
            fresh = getattr(self, _buffer(name))
            carry[name] = torch.where(restart.view(-1, *[1] * (state.dim() - 1)), fresh, state)
        after, prediction = self.reasoner(carry, Batch(inputs, inputs, puzzle_ids))
        return (prediction.logits, *_scores(prediction), *(after[name] for name in self._states))

    def example(self, batch_size: int) -> tuple[Tensor, ...]:
        """Arguments of the right shapes: zeros, every slot to be restarted."""
        zeros = [
            getattr(self, _buffer(name)).new_zeros(1).expand(batch_size, *getattr(self, _buffer(name)).shape[1:]).clone()
            for name in self._states
        ]
        tokens = torch.zeros(batch_size, self.reasoner.task.sequence_length, dtype=torch.int64)
        return (tokens, torch.zeros(batch_size, dtype=torch.int64), torch.ones(batch_size, dtype=torch.bool), *zeros)


def _scores(prediction: Prediction) -> list[Tensor]:
    found = [score for score in (prediction.q_halt_logits, prediction.q_continue_logits) if score is not None]
    stop = wants_to_halt(prediction)
    return found if stop is None else [*found, stop]


def _buffer(name: str) -> str:
    return f"initial_{name}"
