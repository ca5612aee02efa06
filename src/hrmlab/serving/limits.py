"""What one request may ask for, and what all of them together may hold."""

from dataclasses import dataclass, fields

from hrmlab.core.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Each is at least 1.

    Attributes:
        body_bytes: of a request's body; more is answered with 413.
        body_seconds: in which head and body of a request have arrived; 408.
        request_seconds: in which a request is answered; 503.
        slots: questions, or texts, that one model works on at a time.
        waiting: requests that wait for one model; more are answered with 429.
        segments: of one question; 422.
        new_tokens: of one text; 422.
        texts: of one request, prompts times choices; 422.
        connections: on which a request is being answered at a time; 503.
        shutdown_seconds: in which a server that was told to stop answers what it has accepted.
    """

    body_bytes: int = 1 << 16
    body_seconds: int = 10
    request_seconds: int = 60
    slots: int = 32
    waiting: int = 256
    segments: int = 64
    new_tokens: int = 1024
    texts: int = 8
    connections: int = 512
    shutdown_seconds: int = 90

    def __post_init__(self) -> None:
        for each in fields(self):
            if getattr(self, each.name) < 1:
                raise UserError(f"{each.name}={getattr(self, each.name)} is below 1; give at least 1")
