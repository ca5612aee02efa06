"""Errors of routes: described in the schema, and answered in one shape."""

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from hrmlab.serving import schemas
from hrmlab.serving.problems import answer_of, refusal_of

ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": schemas.ErrorAnswer} for status in (400, 401, 404, 408, 413, 422, 429, 500, 503)
}
"""Statuses that any route may answer with."""


class Faithful(APIRoute):
    """A route whose errors are answers: what a client did in a sentence, what is the server's own fault in the log."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await inner(request)
            except (RequestValidationError, HTTPException):
                raise
            except Exception as error:
                refusal = refusal_of(error)
                if refusal.status == 500:
                    logging.getLogger("hrmlab.serving").exception("a request failed")
                return answer_of(refusal)

        return handler
