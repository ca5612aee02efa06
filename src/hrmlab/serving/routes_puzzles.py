"""Routes of puzzles: the models, examples to pick, solving, looking inside."""

import asyncio
import math
from collections.abc import AsyncIterator
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from hrmlab.core.task import IGNORED_LABEL
from hrmlab.serving import schemas
from hrmlab.serving.catalogue import Catalogue, Served
from hrmlab.serving.errors import ERRORS, Faithful
from hrmlab.serving.events import HEADERS, MEDIA_TYPE, event, when_gone
from hrmlab.serving.monitoring import Monitoring
from hrmlab.serving.problems import Refusal, body_of, refusal_of
from hrmlab.serving.solving import Solving, cells_of, shown, tokens_of
from hrmlab.serving.tracing import traced

_MOST_EXAMPLES = 50
_EVENTS: dict[int | str, dict[str, Any]] = {200: {"model": schemas.Answer, "content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}}


def puzzle_routes(catalogue: Catalogue, monitoring: Monitoring) -> APIRouter:
    """The routes over this catalogue."""
    router = APIRouter(prefix="/v1", responses=ERRORS, route_class=Faithful)

    @router.get("/models")
    async def models() -> schemas.Models:
        """The runs that are served."""
        return schemas.Models(data=[_model(served) for served in catalogue])

    @router.get("/models/{name:path}")
    async def model(name: str) -> schemas.Model:
        """One of them."""
        return _model(named(catalogue, name))

    @router.get("/examples")
    def examples(
        model: Annotated[str, Query(max_length=300)],
        start: Annotated[int, Query(ge=0, lt=1 << 31)] = 0,
        count: Annotated[int, Query(ge=1, le=_MOST_EXAMPLES)] = 10,
    ) -> schemas.Examples:
        """Puzzles of the run's own test split, to pick from."""
        served = named(catalogue, model)
        if served.writes:
            raise Refusal(422, f"{served.name} writes text and has no puzzles", param="model")
        total = len(served.examples)
        return schemas.Examples(count=total, data=[_example(served, number) for number in range(start, min(total, start + count))])

    @router.post("/question")
    async def question(asked: schemas.TextRequest) -> schemas.QuestionAnswer:
        """Read a typed puzzle without solving it: what the model would be given, cell by cell."""
        served = named(catalogue, asked.model)
        tokens = await tokens_of(served, schemas.Question(model=asked.model, puzzle=asked.text))
        return schemas.QuestionAnswer(model=served.name, **shown(served, tokens))

    @router.post("/solve", response_model=schemas.Answer, responses=_EVENTS)
    async def solve(asked: schemas.SolveRequest, request: Request) -> Any:
        """Solve a puzzle: the answer, or with `stream` every segment as it is computed."""
        served = named(catalogue, asked.model)
        work = Solving(served, asked, await tokens_of(served, asked))
        if asked.stream:
            return StreamingResponse(_streamed(work, monitoring), media_type=MEDIA_TYPE, headers=HEADERS)
        watching = asyncio.create_task(when_gone(request, work.abandon))
        try:
            async for _ in work.segments():
                pass
        finally:
            watching.cancel()
        return _counted(work.answer(), monitoring)

    @router.post("/trace")
    async def trace(asked: schemas.TraceRequest) -> schemas.TraceAnswer:
        """Look inside while a puzzle is solved: sizes and movements of states, and where a cell looks."""
        served = named(catalogue, asked.model)
        inputs = await tokens_of(served, asked)
        assert served.engine is not None
        future = served.engine.between(lambda: traced(served, asked, inputs), timeout=0)
        try:
            async with asyncio.timeout(served.limits.request_seconds):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            raise Refusal(503, f"no answer within {served.limits.request_seconds} s; ask again when the server has less to do") from None

    return router


def named(catalogue: Catalogue, name: str) -> Served:
    """The model of this name.

    Raises:
        Refusal: there is none.
    """
    served = catalogue.get(name)
    if served is None:
        raise Refusal(404, f"there is no model {name[:100]!r}; GET /v1/models lists them", param="model")
    return served


async def _streamed(work: Solving, monitoring: Monitoring) -> AsyncIterator[bytes]:
    try:
        async for thought in work.segments():
            yield event(thought.model_dump(), name="segment")
        answer = _counted(work.answer(), monitoring)
        yield event(answer.model_copy(update={"thoughts": []}).model_dump(), name="answer")
    except Exception as error:
        yield event(body_of(refusal_of(error)), name="error")
    finally:
        work.abandon()


def _counted(answer: schemas.Answer, monitoring: Monitoring) -> schemas.Answer:
    monitoring.answers.labels(answer.model).inc()
    monitoring.segments.labels(answer.model).inc(answer.segments)
    return answer


def _model(served: Served) -> schemas.Model:
    return schemas.Model(id=served.name, created=served.created, about=served.about())


def _example(served: Served, number: int) -> schemas.Example:
    task, split = served.opened.task, served.examples
    inputs, labels = split.inputs[number], split.labels[number]
    puzzle_id, rating = int(split.puzzle_ids[number]), float(split.ratings[number])
    whole = np.where(labels == IGNORED_LABEL, inputs, labels)
    beside = [[schemas.Panel(title=panel.title, text=panel.text, grid=panel.grid) for panel in row] for row in task.shown_with(puzzle_id)]
    return schemas.Example(
        number=number,
        text=task.to_text(inputs),
        tokens=inputs.tolist(),
        cells=cells_of(served, inputs),
        puzzle_id=puzzle_id,
        answer=task.answer_text(inputs, labels),
        answer_cells=cells_of(served, task.completed(inputs, whole)),
        rating=rating if math.isfinite(rating) else None,
        beside=beside,
    )
