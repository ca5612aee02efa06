"""What stands before every request: its size, its time, its key, and what an answer tells a browser."""

import asyncio
import hmac
import time
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hrmlab.serving.limits import Limits
from hrmlab.serving.monitoring import Monitoring
from hrmlab.serving.problems import Refusal, answer_of

_HEALTH = "/health"
_OPEN = ("/", _HEALTH, "/openapi.json")
"""Paths that need no key; so do those of the page."""

PAGE = "/page/"
REPORTS = "/reports/"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'none'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
_REPORT_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; sandbox allow-scripts"
"""A report is one file with everything in it; it may run its own scripts and reach nothing."""


class Guard:
    """An ASGI application before another.

    Args:
        inside: the application.
        limits: of a body, and of how many requests are answered at a time.
        monitoring: counts.
        key: that requests must show as a bearer token; None for no key.
        hosts: under which the server may be called, against pages of strangers whose names are pointed at this machine; empty for any.
    """

    def __init__(self, inside: ASGIApp, *, limits: Limits, monitoring: Monitoring, key: str | None, hosts: tuple[str, ...]) -> None:
        self._inside, self._limits, self._monitoring = inside, limits, monitoring
        self._key, self._hosts = key, hosts
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inside(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _protect(scope["path"], MutableHeaders(scope=message))
            await send(message)

        self._open += 1
        with self._monitoring.open.track_inprogress():
            try:
                await self._admitted(scope, receive, sending)
            finally:
                self._open -= 1
                route = getattr(scope.get("route"), "path", "other")
                self._monitoring.requests.labels(route, str(status)).inc()
                self._monitoring.seconds.labels(route).observe(time.perf_counter() - started)

    async def _admitted(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        try:
            self._check(scope["method"], scope["path"], headers)
            body = await self._body(headers, receive)
        except Refusal as refusal:
            answer = answer_of(refusal)
            answer.headers["Connection"] = "close"  # what is left of the body is not read
            await answer(scope, receive, send)
            return
        first = True

        async def received() -> Message:
            nonlocal first
            if first:
                first = False
                return {"type": "http.request", "body": body, "more_body": False}
            return await receive()

        await self._inside(scope, received, send)

    def _check(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        if self._open > self._limits.connections and path != _HEALTH:
            raise Refusal(503, f"{self._limits.connections} requests are being answered, and no more at a time; ask again later")
        if self._hosts and _name(headers.get("host", "")) not in self._hosts:
            raise Refusal(400, f"the header Host names {headers.get('host', '')[:100]!r}, and this server is {' or '.join(self._hosts)}")
        if self._key is None or path in _OPEN or path.startswith(PAGE) or method == "OPTIONS":
            return
        shown = headers.get("authorization", "").encode("latin-1", errors="replace")
        if not hmac.compare_digest(shown, f"Bearer {self._key}".encode()):
            raise Refusal(401, "this server asks for a key; send the header Authorization: Bearer KEY")

    async def _body(self, headers: Mapping[str, str], receive: Receive) -> bytes:
        most = self._limits.body_bytes
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length[:20]) > most:
            raise Refusal(413, f"the body has {length[:20]} bytes, more than {most}")
        parts, size = [], 0
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                while True:
                    message: Any = await receive()
                    if message["type"] == "http.disconnect":
                        raise Refusal(400, "the connection ended before the body")
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > most:
                        raise Refusal(413, f"the body has more than {most} bytes")
                    if not message.get("more_body", False):
                        return b"".join(parts)
        except TimeoutError:
            raise Refusal(408, f"the body had not arrived after {self._limits.body_seconds} s") from None


def _name(host: str) -> str:
    """The name in a Host header, without the port."""
    return host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host


def _protect(path: str, headers: MutableHeaders) -> None:
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Content-Security-Policy"] = _REPORT_POLICY if path.startswith(REPORTS) else _POLICY
    headers.setdefault("Cache-Control", "no-cache" if path.startswith(PAGE) or path == "/" else "no-store")
