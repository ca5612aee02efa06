"""Writes texts as they are asked for: a thread that lets one model go on with several prompts side by side.

Texts that wait are written together where they ask for the same way of choosing tokens. A batch of texts is written to its end before the
next: keys and values are remembered for a whole batch, so a text cannot take the place of one that is finished.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import NamedTuple

import torch

from hrmlab.core.randomness import CounterRandom, stream_key
from hrmlab.data.code.encoding import prompt_ids
from hrmlab.data.written.tokenizer import END, Tokenizer, clip_left
from hrmlab.evaluation.code.generation import Decoding, WritingCall, generate
from hrmlab.evaluation.engine import EngineBusy, EngineClosed
from hrmlab.layers.likelihood import LossKind


class Text(NamedTuple):
    """What was written.

    Attributes:
        text: without the stop sequence.
        tokens: how many were written, those of a stop sequence included.
        prompt_tokens: how many were read; of a long prompt the end.
        finished: whether the model ended it, or a stop sequence did; False: it was cut off.
    """

    text: str
    tokens: int
    prompt_tokens: int
    finished: bool


class Wish(NamedTuple):
    """What is to be written.

    Attributes:
        prompt: the beginning.
        new_tokens: at most so many.
        temperature, top_p: see :class:`hrmlab.evaluation.code.generation.Decoding`.
        seed: of what is drawn.
        number: of this text among those of the same seed.
        stop: sequences before which the text ends.
    """

    prompt: str
    new_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    number: int = 0
    stop: tuple[str, ...] = ()


Show = Callable[[str], bool]
"""Is shown all of the text so far after each token, in the writer's thread, and says whether to go on."""


@dataclass(eq=False)
class _Request:
    wish: Wish
    show: Show
    ids: list[int]
    ended: bool = False

    future: "Future[Text]" = field(default_factory=Future)


class Writer:
    """Takes wishes from any thread; writes in one of its own.

    Args:
        call: a causal reasoner, prepared.
        tokenizer: between text and tokens.
        sequence_length: of the task's rows.
        likelihood: how logits become probabilities.
        device: where it computes.
        rows: texts in work at a time.
        waiting: texts that may wait.
    """

    def __init__(
        self,
        call: WritingCall,
        *,
        tokenizer: Tokenizer,
        sequence_length: int,
        likelihood: LossKind,
        device: torch.device,
        rows: int,
        waiting: int,
    ) -> None:
        self._call, self._tokenizer, self._length = call, tokenizer, sequence_length
        self._likelihood: LossKind = likelihood
        self._device, self._rows, self._most = device, rows, waiting
        self._queue: deque[_Request] = deque()
        self._now: list[_Request] = []
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="hrmlab writer", daemon=True)
        self._thread.start()

    def submit(self, wishes: Sequence[Wish], shows: Sequence[Show]) -> list["Future[Text]"]:
        """Ask for texts; all of them or none is taken.

        Raises:
            EngineBusy: too many wait.
            EngineClosed: :meth:`close` was called.
        """
        room = self._length - self._length // 4
        requests = [
            _Request(wish, show, clip_left(prompt_ids(wish.prompt, self._tokenizer), room))
            for wish, show in zip(wishes, shows, strict=True)
        ]
        with self._changed:
            if self._closed:
                raise EngineClosed("the writer is closed and takes no more texts")
            if len(self._queue) + len(requests) > self._most:
                raise EngineBusy(f"{len(self._queue)} texts wait already; ask again later")
            self._queue.extend(requests)
            self._changed.notify_all()
        return [request.future for request in requests]

    @property
    def waiting(self) -> int:
        """How many texts wait."""
        return len(self._queue)

    @property
    def working(self) -> int:
        """How many texts are in work."""
        return len(self._now)

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Take no more wishes, write what was asked for, and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._closed)
                if not self._queue:
                    return
                self._now = [one for one in self._taken() if one.future.set_running_or_notify_cancel()]
            try:
                if self._now:
                    self._write(self._now)
            except Exception as error:  # such as too little memory: those that wait are still written
                for request in self._now:
                    if not request.future.done():
                        request.future.set_exception(error)
            self._now = []

    def _taken(self) -> list[_Request]:
        """The oldest that waits, and others that choose tokens as it does."""
        first = self._queue[0].wish
        way = (first.temperature, first.top_p, first.seed)
        fitting = [one for one in self._queue if (one.wish.temperature, one.wish.top_p, one.wish.seed) == way][: self._rows]
        for one in fitting:
            self._queue.remove(one)
        return fitting

    def _write(self, requests: list[_Request]) -> None:
        first = requests[0].wish
        decoding = Decoding(
            temperature=first.temperature,
            top_p=first.top_p,
            max_new_tokens=max(one.wish.new_tokens for one in requests),
            halting=False,
            likelihood=self._likelihood,
        )
        draws = torch.tensor([stream_key(one.wish.number, one.wish.prompt) for one in requests], device=self._device)
        written = generate(
            self._call,
            [one.ids for one in requests],
            end=END,
            sequence_length=self._length,
            decoding=decoding,
            device=self._device,
            random=CounterRandom(stream_key(first.seed, "serving", "sampling"), draws),
            stopped=lambda number, tokens: self._shown(requests[number], tokens),
        )
        for request, tokens in zip(requests, written, strict=True):
            room = min(request.wish.new_tokens, self._length - len(request.ids))
            text, stopped = self._cut(request, tokens)
            finished = stopped or (len(tokens) < room and not request.ended)
            if not request.future.done():
                request.future.set_result(Text(text, len(tokens), len(request.ids), finished))

    def _shown(self, request: _Request, tokens: list[int]) -> bool:
        """Show what there is; whether it ends here."""
        text, stopped = self._cut(request, tokens)
        if not stopped and not request.show(text):
            request.ended = True
        return stopped or request.ended or len(tokens) >= request.wish.new_tokens

    def _cut(self, request: _Request, tokens: list[int]) -> tuple[str, bool]:
        """The text up to a stop sequence, and whether there is one."""
        text = self._tokenizer.decode(tokens)
        ends = [place for sequence in request.wish.stop if (place := text.find(sequence)) >= 0]
        return (text[: min(ends)], True) if ends else (text, False)
