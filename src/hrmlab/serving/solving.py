"""A puzzle on its way through an engine, as the event loop sees it: each segment as it comes, then the answer."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hrmlab.evaluation import engine as engines
from hrmlab.evaluation.slots import Answer as Found
from hrmlab.layers.likelihood import log_probabilities
from hrmlab.serving import schemas
from hrmlab.serving.catalogue import Served
from hrmlab.serving.events import Stream
from hrmlab.serving.problems import Abandoned, Refusal


async def tokens_of(served: Served, asked: schemas.Question) -> np.ndarray:
    """(S,) int64 token ids of a question. Reading text may take a moment, so another thread does it.

    Raises:
        Refusal, UserError: it is no question of this model.
    """
    if served.engine is None:
        raise Refusal(422, f"{served.name} writes text and answers no puzzles; use POST /v1/completions", param="model")
    limits, cap = served.limits, served.opened.reasoner.max_segments
    if asked.segments is not None and asked.segments > max(limits.segments, cap):
        raise Refusal(
            422, f"segments={asked.segments} is above {max(limits.segments, cap)}, the most that this server gives", param="segments"
        )
    if isinstance(asked.puzzle, str):
        return (await asyncio.to_thread(served.opened.task.from_text, asked.puzzle)).astype(np.int64)
    flat = [token for row in asked.puzzle for token in (row if isinstance(row, list) else [row])]
    return np.array(flat, np.int64)


@dataclass
class Solving:
    """One puzzle in an engine.

    Args:
        served: the model.
        asked: how.
        inputs: (S,) token ids.
    """

    served: Served
    asked: schemas.SolveRequest
    inputs: np.ndarray
    thoughts: list[schemas.Thought] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stream: Stream[engines.Thought] = Stream()
        self._abandoned = False
        self._shown = self.inputs
        self._stopped = False
        self._last: np.ndarray = self.inputs
        self._started = time.perf_counter()
        assert self.served.engine is not None
        self._future = self.served.engine.submit(
            self.inputs,
            puzzle_id=self.asked.puzzle_id,
            watch=self._watch,
            segments=self.asked.segments,
            through=self.asked.stop == "segments",
            timeout=0,
        )
        self._future.add_done_callback(lambda _: self._stream.end())

    async def segments(self) -> AsyncIterator[schemas.Thought]:
        """Each as it comes.

        Raises:
            Refusal: it took too long.
        """
        try:
            async with asyncio.timeout(self.served.limits.request_seconds):
                async for seen in self._stream:
                    self.thoughts.append(self._thought(seen))
                    yield self.thoughts[-1]
        except TimeoutError:
            raise Refusal(
                503, f"no answer within {self.served.limits.request_seconds} s; ask again when the server has less to do"
            ) from None
        finally:
            self.abandon()

    def answer(self) -> schemas.Answer:
        """After all segments. Raises what went wrong."""
        found: Found = self._future.result(timeout=0)
        task = self.served.opened.task
        tokens = self._last if self.asked.stop == "segments" else found.tokens.numpy()
        return schemas.Answer(
            model=self.served.name,
            **shown(self.served, task.completed(self.inputs, tokens)),
            right=task.is_right(self.inputs, tokens),
            segments=found.segments,
            believed=found.believed,
            thoughts=self.thoughts,
            seconds=time.perf_counter() - self._started,
        )

    def abandon(self) -> None:
        """Leave the slot, if it is not done."""
        self._abandoned = True
        self._future.cancel()

    def _watch(self, seen: engines.Thought) -> None:
        if self._abandoned:
            raise Abandoned
        self._stream.put(seen)

    def _thought(self, seen: engines.Thought) -> schemas.Thought:
        opened = self.served.opened
        self._last = seen.tokens.numpy()
        answer = np.asarray(opened.task.completed(self.inputs, self._last))
        changed = np.flatnonzero(answer != self._shown).tolist()
        self._shown = answer
        said = log_probabilities(seen.logits, opened.computation.likelihood).exp().gather(-1, seen.tokens[:, None])
        q_halt, q_continue = (None if score is None else float(score.float().mean()) for score in (seen.q_halt, seen.q_continue))
        stops = not self._stopped and seen.stopped
        self._stopped = self._stopped or stops
        return schemas.Thought(
            segment=seen.segment,
            **shown(self.served, answer),
            changed=changed,
            q_halt=q_halt,
            q_continue=q_continue,
            confidence=float(said.mean()),
            stops=stops,
        )


def shown(served: Served, tokens: np.ndarray) -> dict[str, Any]:
    """A row as text, token ids and cells."""
    return {"text": served.opened.task.to_text(tokens), "tokens": tokens.tolist(), "cells": cells_of(served, tokens)}


def cells_of(served: Served, tokens: np.ndarray | Sequence[int]) -> list[str]:
    """What is to be written into each cell: a symbol where the task's notation has one for each, else the token's number."""
    row = np.asarray(tokens)
    text = served.opened.task.to_text(row)
    return list(text) if len(text) == len(row) else [str(token) for token in row.tolist()]
