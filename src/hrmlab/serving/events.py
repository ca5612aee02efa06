"""Server-sent events (WHATWG HTML, section 9.2), and a queue that a computing thread fills and the event loop empties."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, Generic, TypeVar

from fastapi import Request

T = TypeVar("T")

MEDIA_TYPE = "text/event-stream"
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


def event(data: Any, *, name: str | None = None) -> bytes:
    """One event with JSON data (a string goes as it is), which holds no line break."""
    text = data if isinstance(data, str) else json.dumps(data, separators=(",", ":"), allow_nan=False)
    return (f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode()


async def when_gone(request: Request, let_go: Callable[[], None]) -> None:
    """Let go of what a client asked for once it has left; to be cancelled when it is answered."""
    while not await request.is_disconnected():
        await asyncio.sleep(0.2)
    let_go()


class Stream(Generic[T]):
    """What other threads put in comes out of an asynchronous iteration; made in the event loop.

    Args:
        sources: how often :meth:`end` is called until it is the end.
    """

    def __init__(self, sources: int = 1) -> None:
        self._open = sources
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[tuple[T] | None] = asyncio.Queue()

    def put(self, item: T) -> None:
        """From any thread."""
        self._loop.call_soon_threadsafe(self._queue.put_nowait, (item,))

    def end(self) -> None:
        """No more comes from one source. From any thread."""
        self._loop.call_soon_threadsafe(self._queue.put_nowait, None)

    async def __aiter__(self) -> AsyncIterator[T]:
        while self._open:
            item = await self._queue.get()
            if item is None:
                self._open -= 1
            else:
                yield item[0]
