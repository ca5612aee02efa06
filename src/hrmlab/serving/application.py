"""The application: routes over a catalogue of runs, behind the guard."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from hrmlab import __version__
from hrmlab.serving import schemas
from hrmlab.serving.catalogue import Catalogue
from hrmlab.serving.guards import PAGE, Guard
from hrmlab.serving.limits import Limits
from hrmlab.serving.monitoring import MEDIA_TYPE, Monitoring
from hrmlab.serving.problems import Refusal, answer_of, refusal_of
from hrmlab.serving.routes_puzzles import puzzle_routes
from hrmlab.serving.routes_studies import study_routes
from hrmlab.serving.routes_texts import text_routes
from hrmlab.serving.studies import StudyShelf

_FOLDER = Path(__file__).parent / "page"
_DESCRIPTION = "Trained runs of hrmlab: puzzles solved segment by segment, code written, reports read."


@dataclass(frozen=True, kw_only=True)
class Access:
    """Who may call.

    Attributes:
        key: to be shown as a bearer token; None for none.
        origins: whose pages may call from a browser; none by default.
        hosts: names under which the server may be called; empty for any.
    """

    key: str | None = None
    origins: Sequence[str] = ()
    hosts: Sequence[str] = field(default=())


def create_application(catalogue: Catalogue, *, limits: Limits, shelf: StudyShelf, access: Access) -> ASGIApp:
    """What a server runs. The catalogue is closed when the application ends: what was accepted has its answer then."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        catalogue.close()

    monitoring = Monitoring(catalogue)
    app = FastAPI(
        title="hrmlab",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,  # those pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    for kind, status in ((RequestValidationError, 422), (HTTPException, 0), (Exception, 500)):
        app.add_exception_handler(kind, _handler_of(status))
    app.include_router(puzzle_routes(catalogue, monitoring))
    app.include_router(text_routes(catalogue, monitoring))
    app.include_router(study_routes(shelf))

    @app.get("/health", response_model=schemas.Health, responses={503: {"model": schemas.Health}})
    async def health() -> JSONResponse:
        """Whether requests are taken: 503 where a model's thread has ended."""
        workers = [each.engine or each.writer for each in catalogue]
        well = all(each.alive for each in catalogue)
        waiting, working = (sum(getattr(one, name) for one in workers if one is not None) for name in ("waiting", "working"))
        said = schemas.Health(status="ok" if well else "broken", models=len(catalogue), waiting=waiting, working=working)
        return JSONResponse(said.model_dump(), status_code=200 if well else 503)

    @app.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}})
    async def metrics() -> Response:
        """Counts, in Prometheus' text format."""
        return Response(monitoring.text(), media_type=MEDIA_TYPE)

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(_FOLDER / "index.html")

    app.mount(PAGE, StaticFiles(directory=_FOLDER), name="page")
    outer: ASGIApp = app
    if access.origins:
        outer = CORSMiddleware(
            app, allow_origins=list(access.origins), allow_methods=["GET", "POST"], allow_headers=["Authorization", "Content-Type"]
        )
    return Guard(outer, limits=limits, monitoring=monitoring, key=access.key, hosts=tuple(access.hosts))


def _handler_of(status: int) -> Any:
    async def handler(_: Request, error: Exception) -> Response:
        if isinstance(error, RequestValidationError):
            return answer_of(_invalid(error))
        if isinstance(error, HTTPException):
            return answer_of(Refusal(error.status_code, f"{error.detail}; see /openapi.json"))
        return answer_of(refusal_of(error))

    return handler


def _invalid(error: RequestValidationError) -> Refusal:
    """The first thing that is wrong with a request."""
    first = cast(dict[str, Any], error.errors()[0])
    place = ".".join(str(part) for part in first["loc"] if part != "body" and not str(part).startswith(("function-", "constrained-")))
    if first["type"] == "json_invalid":
        return Refusal(400, "the body is no JSON")
    return Refusal(422, f"{place or 'the body'}: {first['msg']}", param=place or None)
