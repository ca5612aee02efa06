"""Routes of studies: which there are, their tables, their reports."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from fastapi.responses import FileResponse

from hrmlab.serving import schemas
from hrmlab.serving.errors import ERRORS, Faithful
from hrmlab.serving.studies import StudyShelf


def study_routes(shelf: StudyShelf) -> APIRouter:
    """The routes over this shelf. They read files, so FastAPI runs them in threads."""
    router = APIRouter(responses=ERRORS, route_class=Faithful)

    @router.get("/v1/studies")
    def studies() -> schemas.Studies:
        """The studies there are."""
        return schemas.Studies(data=shelf.names())

    @router.get("/v1/studies/{source}/{name}")
    def table(source: Literal["reports", "outputs"], name: Annotated[str, Path(max_length=300)]) -> schemas.Table:
        """A study's runs."""
        return shelf.table(source, name)

    @router.get("/reports/{name}/report.html", response_class=FileResponse)
    def report(name: Annotated[str, Path(max_length=300)]) -> FileResponse:
        """A study's report."""
        return FileResponse(shelf.report(name), media_type="text/html")

    return router
