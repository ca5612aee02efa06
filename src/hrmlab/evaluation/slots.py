"""Slots that compute one segment of all their examples at a time, and give each back when it has halted: continuous batching over segments.

Batching requests one iteration at a time instead of one batch to its end is known from serving language models (Yu et al. 2022, Orca,
OSDI). Here an iteration is a segment, and what an example leaves behind is the reasoner's carry. A reasoner that never decides holds its
slot for all segments, and a one-pass reasoner for one.
"""

from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.evaluation.first_stop import FirstStop
from hrmlab.evaluation.solve import SegmentCall

K = TypeVar("K")


class Answer(NamedTuple):
    """What was said to one example where learned halting stopped, in the host's memory.

    Attributes:
        tokens: (S,) int64.
        segments: it took, counted from 1; in causal mode each token stops by itself: the mean over asked tokens.
        believed: whether the model expected its answer (all asked tokens) to be right; None without a halting head.
        confidence: the halting head's score, a mean over asked tokens in causal mode; NaN without a head.
    """

    tokens: Tensor
    segments: float
    believed: bool | None
    confidence: float


class Seen(NamedTuple):
    """One segment of all occupied slots, B of them, on the device.

    Attributes:
        numbers: (B,) int64 of each example's segment, from 1.
        said: (B, S) token ids.
        prediction: of this segment.
        done: (B,) bool, whether the example leaves its slot.
        stopped: (B,) bool, whether learned halting has stopped, here or before.
    """

    numbers: Tensor
    said: Tensor
    prediction: Prediction
    done: Tensor
    stopped: Tensor


class SegmentSlots(Generic[K]):
    """At most so many examples in work; whoever puts them in names each by a key, under which its answer comes out.

    Rows are equal to those of :func:`hrmlab.evaluation.solve.solve` to the rounding that another number of rows in a matrix product makes;
    answers and segments differ only where two scores are equal to that rounding.

    Args:
        call: the reasoner; what it says of a row must depend on that row alone, and it may not count calls.
        slots: B.
        device: where it computes.
    """

    def __init__(self, call: SegmentCall, *, slots: int, device: torch.device) -> None:
        self._call, self._slots, self._device = call, slots, device
        self._keys: list[K] = []
        self._batch: Batch | None = None
        self._carry: Carry = {}
        self._numbers = torch.zeros(0, dtype=torch.int64, device=device)
        self._lasts = self._numbers  # (B,) the segment after which an example leaves in any case
        self._through = self._numbers.bool()  # (B,) whether it stays until then
        self._stops: FirstStop | None = None  # of the rows that have had a segment; those put in since stand behind them

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def free(self) -> int:
        """How many examples more may be put in."""
        return self._slots - len(self._keys)

    @property
    def keys(self) -> Sequence[K]:
        """Of the examples in work, in the order of :class:`Seen`."""
        return self._keys

    @torch.inference_mode()
    def put(self, keys: Sequence[K], examples: Batch, *, segments: Tensor | None = None, through: Tensor | None = None) -> None:
        """Begin with these examples (K, S), at most as many as are free.

        Args:
            keys: one for each.
            examples: K of them.
            segments: (K,) int64 at most so many for each; None for the reasoner's own.
            through: (K,) bool, whether an example stays for all of them, though it may have stopped before: whoever watches sees them,
                and its answer is still the one where it stopped. None: none does.
        """
        assert len(keys) <= self.free
        new = self._numbers.new_zeros(len(keys))
        lasts = new + self._call.max_segments if segments is None else segments.to(new)
        staying = new.bool() if through is None else through.to(self._device)
        batch, known = Batch(*(part.to(self._device) for part in examples)), self._carry
        carry = self._call.initial_carry(len(keys))
        if self._batch is not None:
            batch = Batch(*(torch.cat(parts) for parts in zip(self._batch, batch, strict=True)))
            carry = {name: torch.cat((known[name], state.to(known[name].dtype))) for name, state in carry.items()}
        self._numbers, self._lasts = torch.cat((self._numbers, new)), torch.cat((self._lasts, lasts))
        self._through = torch.cat((self._through, staying))
        self._batch, self._carry, self._keys = batch, carry, [*self._keys, *keys]

    @torch.inference_mode()
    def step(self, watch: Callable[[Seen], None] | None = None) -> list[tuple[K, Answer | Exception]]:
        """One segment of all examples; those that leave, with their answer, or the error that the reasoner raised at this example alone.

        Args:
            watch: is shown the segment before anything leaves.
        """
        assert self._batch is not None
        carry, prediction, errors = _segment(self._call, self._carry, self._batch)
        failed: list[tuple[K, Answer | Exception]] = [
            (key, error) for key, error in zip(self._keys, errors, strict=True) if error is not None
        ]
        if failed:
            self._keep(torch.tensor([error is None for error in errors], device=self._device))
        if prediction is None:
            return failed
        self._carry = carry
        self._numbers = self._numbers + 1
        said = prediction.logits.argmax(-1)
        self._stops = self._with_newcomers(prediction).after(said, prediction, number=self._numbers, last=self._numbers >= self._lasts)
        stopped = self._stops.done()
        done = torch.where(self._through, self._numbers >= self._lasts, stopped)
        if watch is not None:
            watch(Seen(self._numbers, said, prediction, done, stopped))
        return failed + self._taken(done)

    def drop(self, keys: Sequence[K]) -> None:
        """Forget these examples."""
        if any(key in keys for key in self._keys):
            self._keep(torch.tensor([key not in keys for key in self._keys], device=self._device))

    def _with_newcomers(self, prediction: Prediction) -> FirstStop:
        assert self._batch is not None
        known = 0 if self._stops is None else len(self._stops.stopped)
        new = FirstStop.of(self._batch.inputs[known:], self._batch.labels[known:], prediction)
        return new if self._stops is None else FirstStop.joined(self._stops, new)

    def _taken(self, done: Tensor) -> list[tuple[K, Answer | Exception]]:
        """Take out the examples that are done."""
        marks = done.tolist()
        if self._stops is None or not any(marks):
            return []
        left = self._stops.select(done)
        tokens, segments, confidence = left.answers.cpu(), left.mean_segments().tolist(), left.mean_confidence().tolist()
        belief = left.whole_belief()
        believed = [None] * len(tokens) if belief is None else belief.tolist()
        keys = [key for key, mark in zip(self._keys, marks, strict=True) if mark]
        self._keep(~done)
        answers = (Answer(*parts) for parts in zip(tokens.unbind(), segments, believed, confidence, strict=True))
        return list(zip(keys, answers, strict=True))

    def _keep(self, rows: Tensor) -> None:
        """Keep the rows marked in (B,) bool; answers stay in their order."""
        assert self._batch is not None
        self._keys = [key for key, mark in zip(self._keys, rows.tolist(), strict=True) if mark]
        if not self._keys:
            self._batch, self._carry, self._stops = None, {}, None
            self._numbers, self._lasts, self._through = self._numbers[:0], self._lasts[:0], self._through[:0]
            return
        self._batch = Batch(*(part[rows] for part in self._batch))
        self._carry = {name: state[rows] for name, state in self._carry.items()}
        self._numbers, self._lasts, self._through = self._numbers[rows], self._lasts[rows], self._through[rows]
        if self._stops is not None:
            self._stops = self._stops.select(rows[: len(self._stops.stopped)])


def _segment(call: SegmentCall, carry: Carry, batch: Batch) -> tuple[Carry, Prediction | None, list[Exception | None]]:
    """A segment of B rows and what went wrong with which of them; carry and prediction are of the others, None where there are none.

    A batch that fails is halved until the rows are found that fail by themselves.
    """
    count = len(batch.inputs)
    try:
        carry, prediction = call(carry, batch)
    except Exception as error:
        if count == 1:
            return {}, None, [error]
    else:
        return carry, prediction, [None] * count
    halves = [
        _segment(call, {name: state[part] for name, state in carry.items()}, Batch(*(values[part] for values in batch)))
        for part in (slice(0, count // 2), slice(count // 2, count))
    ]
    errors = [error for half in halves for error in half[2]]
    good = [(states, said) for states, said, _ in halves if said is not None]
    if len(good) < 2:
        return (*good[0], errors) if good else ({}, None, errors)
    (one, first), (other, second) = good

    def both(a: Tensor | None, b: Tensor | None) -> Tensor | None:
        return None if a is None or b is None else torch.cat((a, b))

    joined = Prediction(
        torch.cat((first.logits, second.logits)),
        both(first.q_halt_logits, second.q_halt_logits),
        both(first.q_continue_logits, second.q_continue_logits),
        halting_threshold=first.halting_threshold,
    )
    return {name: torch.cat((state, other[name])) for name, state in one.items()}, joined, errors
