"""The route of texts, in the shape of OpenAI's completions."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from hrmlab.serving import schemas
from hrmlab.serving.catalogue import Catalogue, Served
from hrmlab.serving.errors import ERRORS, Faithful
from hrmlab.serving.events import HEADERS, MEDIA_TYPE, Stream, event, when_gone
from hrmlab.serving.monitoring import Monitoring
from hrmlab.serving.problems import Refusal, body_of, refusal_of
from hrmlab.serving.routes_puzzles import named
from hrmlab.serving.writer import Text, Wish

_EVENTS: dict[int | str, dict[str, Any]] = {200: {"model": schemas.Completion, "content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}}


def text_routes(catalogue: Catalogue, monitoring: Monitoring) -> APIRouter:
    """The route over this catalogue."""
    router = APIRouter(prefix="/v1", responses=ERRORS, route_class=Faithful)

    @router.post("/completions", response_model=schemas.Completion, responses=_EVENTS)
    async def completions(asked: schemas.CompletionRequest, request: Request) -> Any:
        """Go on with a text; with `stream` piece by piece, ended by `data: [DONE]`."""
        work = _Writing(named(catalogue, asked.model), asked)
        if asked.stream:
            return StreamingResponse(_streamed(work, monitoring), media_type=MEDIA_TYPE, headers=HEADERS)
        watching = asyncio.create_task(when_gone(request, work.let_go))
        try:
            async for _ in work.pieces():
                pass
        finally:
            watching.cancel()
            work.going = False
        return _counted(work, work.whole(), monitoring)

    return router


class _Writing:
    """One request at a writer: all of its texts."""

    def __init__(self, served: Served, asked: schemas.CompletionRequest) -> None:
        limits = served.limits
        if served.writer is None:
            raise Refusal(422, f"{served.name} answers puzzles and writes no text; use POST /v1/solve", param="model")
        prompts = [asked.prompt] if isinstance(asked.prompt, str) else asked.prompt
        if len(prompts) * asked.n > limits.texts:
            raise Refusal(422, f"{len(prompts)} prompts with n={asked.n} are more than {limits.texts} texts", param="n")
        if asked.max_tokens > limits.new_tokens:
            raise Refusal(422, f"max_tokens={asked.max_tokens} is above {limits.new_tokens}", param="max_tokens")
        self.served, self.going = served, True
        self._stop = () if asked.stop is None else (asked.stop,) if isinstance(asked.stop, str) else tuple(asked.stop)
        seed = time.time_ns() if asked.seed is None and asked.temperature else asked.seed or 0
        wishes = [
            Wish(prompt, asked.max_tokens, asked.temperature, asked.top_p, seed, number, self._stop)
            for prompt in prompts
            for number in range(asked.n)
        ]
        self._stream: Stream[tuple[int, str]] = Stream(sources=len(wishes))
        self._sent = [""] * len(wishes)
        self.head = {"id": f"cmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": served.name}
        self.futures = served.writer.submit(wishes, [self._show_of(index) for index in range(len(wishes))])
        for future in self.futures:
            future.add_done_callback(lambda _: self._stream.end())

    async def pieces(self) -> AsyncIterator[schemas.Choice]:
        """What is written, piece by piece, and of each text an end.

        Raises:
            Refusal: it took too long.
        """
        seconds = self.served.limits.request_seconds
        try:
            async with asyncio.timeout(seconds):
                async for index, text in self._stream:
                    if piece := self._new(index, self._safe(text)):
                        yield schemas.Choice(index=index, text=piece, finish_reason=None)
        except TimeoutError:
            raise Refusal(503, f"not written within {seconds} s; ask for fewer tokens, or again when the server has less to do") from None
        finally:
            self.let_go()
        for index, future in enumerate(self.futures):
            text = future.result(timeout=0)
            yield schemas.Choice(index=index, text=self._new(index, text.text), finish_reason=_reason(text))

    def whole(self) -> schemas.Completion:
        """All texts. Raises what went wrong."""
        texts = [future.result(timeout=0) for future in self.futures]
        choices = [schemas.Choice(index=index, text=text.text, finish_reason=_reason(text)) for index, text in enumerate(texts)]
        read, written = sum(text.prompt_tokens for text in texts), sum(text.tokens for text in texts)
        usage = schemas.Usage(prompt_tokens=read, completion_tokens=written, total_tokens=read + written)
        return schemas.Completion(**self.head, choices=choices, usage=usage)

    def let_go(self) -> None:
        """Nobody waits for it any more: what waits is taken back, what is in work ends with its next token."""
        self.going = False
        for future in self.futures:
            future.cancel()

    def _show_of(self, index: int) -> Any:
        def show(text: str) -> bool:
            if self.going:
                self._stream.put((index, text))
            return self.going

        return show

    def _safe(self, text: str) -> str:
        """As much of a text as stays: neither half a character, nor what may become a stop sequence."""
        text = text.rstrip("\ufffd")
        held = max((length for stop in self._stop for length in range(1, len(stop)) if text.endswith(stop[:length])), default=0)
        return text[: len(text) - held]

    def _new(self, index: int, text: str) -> str:
        sent = self._sent[index]
        if not text.startswith(sent):
            return ""
        self._sent[index] = text
        return text[len(sent) :]


def _reason(text: Text) -> Any:
    return "stop" if text.finished else "length"


async def _streamed(work: _Writing, monitoring: Monitoring) -> AsyncIterator[bytes]:
    try:
        async for choice in work.pieces():
            yield event(schemas.Completion(**work.head, choices=[choice]).model_dump(exclude={"usage"}))
        _counted(work, work.whole(), monitoring)
        yield event("[DONE]")
    except Exception as error:
        yield event(body_of(refusal_of(error)))
    finally:
        work.let_go()


def _counted(work: _Writing, said: schemas.Completion, monitoring: Monitoring) -> schemas.Completion:
    if said.usage is not None:
        monitoring.tokens.labels(work.served.name).inc(said.usage.completion_tokens)
    return said
