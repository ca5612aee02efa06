"""Errors as answers: each an HTTP status and one sentence, in OpenAI's shape."""

from concurrent.futures import CancelledError
from typing import Any

from starlette.responses import JSONResponse

from hrmlab.core.errors import UserError
from hrmlab.evaluation.engine import EngineBusy, EngineClosed

_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "timeout_error",
    413: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
    500: "server_error",
    503: "unavailable_error",
}
_AGAIN = {429: "1", 503: "5"}
"""Seconds after which to ask again."""


class Refusal(Exception):  # noqa: N818 - reads as what it is
    """A request that is not answered.

    Attributes:
        status: of HTTP.
        message: one sentence.
        param: the field that is to blame; None for none.
    """

    def __init__(self, status: int, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.param = status, message, param


class Abandoned(Exception):  # noqa: N818 - likewise
    """Nobody waits for the answer any more."""


def refusal_of(error: BaseException) -> Refusal:
    """What a client is told of an error; of one that is not its own nothing but that."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, UserError):
        return Refusal(422, str(error))
    if isinstance(error, EngineBusy):
        return Refusal(429, str(error))
    if isinstance(error, EngineClosed):
        return Refusal(503, "the server is stopping and takes no more requests; ask again later")
    if isinstance(error, Abandoned | CancelledError):
        return Refusal(503, "nobody waited for the answer")
    return Refusal(500, "the server failed at this request; its log says how")


def body_of(refusal: Refusal) -> dict[str, Any]:
    """As JSON values."""
    kind = _KINDS.get(refusal.status, "invalid_request_error")
    return {"error": {"message": refusal.message, "type": kind, "param": refusal.param, "code": None}}


def answer_of(refusal: Refusal) -> JSONResponse:
    """As an answer."""
    headers = {"Retry-After": _AGAIN[refusal.status]} if refusal.status in _AGAIN else {}
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(body_of(refusal), status_code=refusal.status, headers=headers)
