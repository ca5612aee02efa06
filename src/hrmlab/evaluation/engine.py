"""Answers one question at a time as they arrive, many at once: a thread that keeps :class:`SegmentSlots` full from a bounded queue.

with Engine(computation, task=task.spec, device=device) as engine:
    future = engine.submit(tokens, watch=lambda thought: print(thought.segment, thought.q_halt))
    print(future.result().tokens)
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self, TypeVar

import numpy as np
import torch
from torch import Tensor

from hrmlab.core.batches import Batch
from hrmlab.core.errors import UserError
from hrmlab.core.task import TaskSpec
from hrmlab.evaluation.slots import Answer, Seen, SegmentSlots
from hrmlab.evaluation.solve import SegmentCall


class Thought(NamedTuple):
    """What was said to one example after a segment, in the host's memory.

    Attributes:
        segment: its number, from 1.
        tokens: (S,) int64.
        logits: (S, V).
        q_halt, q_continue: () or, in causal mode, (S,) scores; None where the model has none.
        last: whether the example leaves its slot here.
        stopped: whether learned halting has stopped, here or before; of an example that is computed ``through`` it may be before the last.
    """

    segment: int
    tokens: Tensor
    logits: Tensor
    q_halt: Tensor | None
    q_continue: Tensor | None
    last: bool
    stopped: bool


Watch = Callable[[Thought], None]
T = TypeVar("T")


class EngineBusy(RuntimeError):  # noqa: N818 - reads as what it is
    """The queue is full: as many examples wait as may."""


class EngineClosed(RuntimeError):  # noqa: N818 - likewise
    """The engine takes no more examples."""


@dataclass(eq=False)
class _Request:
    """One example on its way; a key of the slots, equal to itself alone."""

    row: tuple[Tensor, Tensor, Tensor]
    watch: Watch | None
    segments: int
    through: bool
    future: "Future[Answer]" = field(default_factory=Future)


@dataclass(eq=False)
class _Aside:
    """Work of another kind for the engine's thread."""

    work: Callable[[], Any]
    future: "Future[Any]" = field(default_factory=Future)


class Engine:
    """Takes examples from any thread; computes in one of its own.

    Args:
        call: the reasoner, prepared; see :class:`hrmlab.evaluation.slots.SegmentSlots`.
        task: what it was built for: examples are checked against it.
        device: where it computes.
        slots: examples in work at a time.
        waiting: examples that may wait for a slot.
    """

    def __init__(self, call: SegmentCall, *, task: TaskSpec, device: torch.device, slots: int = 64, waiting: int = 1024) -> None:
        if slots < 1 or waiting < 1:
            raise UserError(f"slots={slots} and waiting={waiting} must be at least 1")
        self._task, self._waiting, self._most = task, waiting, call.max_segments
        self._slots: SegmentSlots[_Request] = SegmentSlots(call, slots=slots, device=device)
        self._queue: deque[_Request] = deque()
        self._asides: deque[_Aside] = deque()
        self._taken: set[_Request] = set()  # from the queue, and not yet answered
        self._raised: dict[_Request, Exception] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="hrmlab engine", daemon=True)
        self._thread.start()

    def submit(
        self,
        inputs: Sequence[int] | np.ndarray | Tensor,
        *,
        puzzle_id: int = 0,
        watch: Watch | None = None,
        segments: int | None = None,
        through: bool = False,
        timeout: float | None = None,
    ) -> "Future[Answer]":
        """Ask for the answer to one example; every position is asked.

        Args:
            inputs: (S,) token ids.
            puzzle_id: of the puzzle embedding.
            watch: is called in the engine's thread after each segment; it should return soon, for all examples wait. If it raises, that is
                the outcome of this example, which then leaves its slot, and of no other.
            segments: at most so many for this example; None for as many as the engine gives.
            through: compute them all, though the example stops before, for ``watch`` to see; the answer is the one where it stopped.
            timeout: seconds to wait while the queue is full; None for as long as it takes, 0 for not at all.

        Returns:
            the answer's future; cancelling it while it waits takes the example out.

        Raises:
            UserError: no example of this task, or fewer than one segment.
            EngineBusy: the queue was full until the timeout.
            EngineClosed: :meth:`close` was called.
        """
        if segments is not None and segments < 1:
            raise UserError(f"segments={segments} is below 1; give at least 1, or leave it out for the model's own {self._most}")
        request = _Request(self._row(inputs, puzzle_id), watch, segments or self._most, through)
        self._queued(self._queue, request, timeout)
        return request.future

    def between(self, work: Callable[[], T], *, timeout: float | None = None) -> "Future[T]":
        """Have something else done in the engine's thread, between two segments: one such thing at a time, while all examples wait.

        For what looks at the reasoner while it computes, which must not see the examples of others.

        Args:
            work: its result, or what it raises, is the future's.
            timeout: as in :meth:`submit`.

        Raises:
            EngineBusy, EngineClosed: as in :meth:`submit`.
        """
        aside = _Aside(work)
        self._queued(self._asides, aside, timeout)
        return aside.future

    @property
    def waiting(self) -> int:
        """How many examples and other things wait."""
        return len(self._queue) + len(self._asides)

    @property
    def working(self) -> int:
        """How many examples are in work."""
        return len(self._taken)

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def _queued(self, queue: "deque[Any]", one: Any, timeout: float | None) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: self._closed or self.waiting < self._waiting, timeout):
                raise EngineBusy(f"{self._waiting} examples wait already; ask again later")
            if self._closed:
                raise EngineClosed("the engine is closed and takes no more examples")
            queue.append(one)
            self._changed.notify_all()

    def close(self) -> None:
        """Take no more examples, answer those that were taken, and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _row(self, inputs: Sequence[int] | np.ndarray | Tensor, puzzle_id: int) -> tuple[Tensor, Tensor, Tensor]:
        given, spec = np.asarray(inputs), self._task
        if given.shape != (spec.sequence_length,) or not np.issubdtype(given.dtype, np.integer):
            raise UserError(f"the example has the shape {given.shape} and type {given.dtype}; give {spec.sequence_length} whole numbers")
        if given.min() < 0 or given.max() >= spec.vocabulary_size:
            raise UserError(
                f"the example holds {given.min()} to {given.max()}; token ids of {spec.name} are 0 to {spec.vocabulary_size - 1}"
            )
        if not 0 <= puzzle_id < max(1, spec.puzzle_ids):
            raise UserError(f"puzzle_id={puzzle_id} is not one of {spec.name}, which has 0 to {max(1, spec.puzzle_ids) - 1}")
        tokens = torch.from_numpy(given.astype(np.int64))
        return tokens, torch.zeros_like(tokens), torch.tensor(puzzle_id)

    def _work(self) -> None:
        try:
            while self._refill():
                self._do_aside()
                if not len(self._slots):
                    continue
                self._raised.clear()
                done = [(request, outcome) for request, outcome in self._slots.step(self._show) if request not in self._raised]
                self._slots.drop(list(self._raised))
                for request, outcome in (*self._raised.items(), *done):
                    self._end(request, outcome)
        except BaseException as error:
            self._give_up(error)
            raise

    def _end(self, request: _Request, outcome: Answer | BaseException) -> None:
        self._taken.discard(request)
        if isinstance(outcome, BaseException):
            request.future.set_exception(outcome)
        else:
            request.future.set_result(outcome)

    def _do_aside(self) -> None:
        """The next of the other things, if there is one."""
        with self._changed:
            aside = self._asides.popleft() if self._asides else None
            self._changed.notify_all()
        if aside is None or not aside.future.set_running_or_notify_cancel():
            return
        try:
            result = aside.work()
        except Exception as error:
            aside.future.set_exception(error)
        else:
            aside.future.set_result(result)

    def _refill(self) -> bool:
        """Fill free slots, waiting for an example where there is none in work; False when there is nothing left to do."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: len(self._slots) > 0 or self._queue or self._asides or self._closed)
                taken = [self._queue.popleft() for _ in range(min(self._slots.free, len(self._queue)))]
                aside, ended = bool(self._asides), self._closed and not self._queue
                self._changed.notify_all()
            new = [request for request in taken if request.future.set_running_or_notify_cancel()]
            self._taken.update(new)
            if new:
                try:
                    self._put(new)
                except Exception as error:  # such as too little memory for as many states: those in work go on
                    for request in new:
                        self._end(request, error)
            if len(self._slots) or aside:
                return True
            if ended:
                return False

    def _put(self, new: list[_Request]) -> None:
        examples = Batch(*(torch.stack(parts) for parts in zip(*(request.row for request in new), strict=True)))
        segments = torch.tensor([request.segments for request in new])
        self._slots.put(new, examples, segments=segments, through=torch.tensor([request.through for request in new]))

    def _show(self, seen: Seen) -> None:
        """Show the segment to those who watch, and note what their watching raised."""
        for place, request in enumerate(self._slots.keys):
            if request.watch is None:
                continue
            q_halt, q_continue = seen.prediction.q_halt_logits, seen.prediction.q_continue_logits
            thought = Thought(
                int(seen.numbers[place]),
                seen.said[place].cpu(),
                seen.prediction.logits[place].float().cpu().clone(),
                None if q_halt is None else q_halt[place].cpu().clone(),
                None if q_continue is None else q_continue[place].cpu().clone(),
                bool(seen.done[place]),
                bool(seen.stopped[place]),
            )
            try:
                request.watch(thought)
            except Exception as error:
                self._raised[request] = error

    def _give_up(self, error: BaseException) -> None:
        """The thread ends by an error that is no example's own: all who wait get it."""
        with self._changed:
            self._closed = True
            waiting = [request for request in self._queue if request.future.set_running_or_notify_cancel()]
            asides = [aside.future for aside in self._asides if aside.future.set_running_or_notify_cancel()]
            self._queue.clear()
            self._asides.clear()
            self._changed.notify_all()
        for request in (*self._taken, *waiting):
            self._end(request, error)
        for future in asides:
            future.set_exception(error)
