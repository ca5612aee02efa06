"""The process that listens: one socket, one event loop, and an end in which everything that was accepted is answered."""

import logging
import socket
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from hrmlab.core.errors import UserError
from hrmlab.serving.limits import Limits

_SETTLING = 1.0
"""Seconds in which a connection that was accepted just before the end may still send its request."""


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens, so that clients wait from now on instead of being turned away.

    Args:
        host: an address of this machine.
        port: 0 for any that is free.

    Raises:
        UserError: the address cannot be had.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        made = socket.socket(family, kind, protocol)
    except OSError as error:
        raise UserError(f"host={host} is no address of this machine ({error.strerror}); use 127.0.0.1") from None
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(1024)
    except OSError as error:
        made.close()
        raise UserError(
            f"{host}:{port} cannot be listened on ({error.strerror}); choose another port=, or 0 for any that is free"
        ) from None
    return made


def inherited(descriptor: int) -> socket.socket:
    """A listening socket that the process was started with (of systemd: 3). Two servers may have it one after the other: nobody is turned
    away between them.

    Raises:
        UserError: it is none.
    """
    try:
        found = socket.socket(fileno=descriptor)
        if not found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise OSError(0, "it does not listen")
    except OSError as error:
        raise UserError(f"fd={descriptor} is no listening socket ({error.strerror}); start hrm-serve with one, or give port=") from None
    return found


def address_of(listener: socket.socket) -> str:
    """Where a browser finds it."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, str(host))
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def serve(app: ASGIApp, listener: socket.socket, *, limits: Limits) -> None:
    """Answer until SIGTERM or Ctrl-C, then finish what was accepted. The signal's own handler runs after that."""
    config = uvicorn.Config(
        app,
        http=connection_class(limits),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=limits.shutdown_seconds,
        backlog=1024,
    )
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    uvicorn.Server(config).run(sockets=[listener])


def connection_class(limits: Limits) -> type[H11Protocol]:
    """How uvicorn is to speak with a client under these limits."""

    class Connection(_Connection):
        head_seconds = limits.body_seconds

    return Connection


class _Connection(H11Protocol):
    """A connection that must say what it wants in time, and that is heard out when the server ends."""

    head_seconds: float = 10.0
    _waiting: Any = None
    _ending = False

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._waiting = self.loop.call_later(self.head_seconds, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        super().handle_events()
        if self.cycle is not None:
            self._forget()
            if self._ending and not self.cycle.response_complete:
                self.cycle.keep_alive = False

    def shutdown(self) -> None:
        self._ending = True
        if self.cycle is None and not self.transport.is_closing():
            self._forget()
            self._waiting = self.loop.call_later(_SETTLING, self._give_up)
        else:
            super().shutdown()

    def _give_up(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()

    def _forget(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
