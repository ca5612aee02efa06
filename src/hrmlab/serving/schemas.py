"""What requests and answers hold, for FastAPI to check and to describe. Unknown fields are refused: nothing is passed over in silence."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(min_length=1, max_length=300, description="the id of a model, as GET /v1/models lists it")]


class _Asked(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class _Said(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)


class Question(_Asked):
    """One puzzle for one model."""

    model: Name
    puzzle: Annotated[
        Annotated[str, Field(max_length=20_000)]
        | Annotated[list[Annotated[int, Field(ge=0, lt=1 << 20)]], Field(min_length=1, max_length=10_000)]
        | Annotated[
            list[Annotated[list[Annotated[int, Field(ge=0, lt=1 << 20)]], Field(max_length=1_000)]], Field(min_length=1, max_length=1_000)
        ],
        Field(description="text in the notation of the task's files, or token ids: in one list, or row by row"),
    ]
    puzzle_id: Annotated[int, Field(ge=0, lt=1 << 31, description="of the puzzle embedding; 0 where the task has none")] = 0
    segments: Annotated[int | None, Field(ge=1, description="at most so many; null for the model's own")] = None


class SolveRequest(Question):
    """A puzzle to be solved."""

    stop: Annotated[
        Literal["halting", "segments"],
        Field(description="answer where the model wants to stop, or after all segments"),
    ] = "halting"
    stream: Annotated[bool, Field(description="server-sent events: one `segment` for each, then `answer`, or `error`")] = False


class TextRequest(_Asked):
    """A puzzle that somebody typed."""

    model: Name
    text: Annotated[str, Field(max_length=20_000, description="in the notation of the task's files")]


class TraceRequest(Question):
    """A puzzle to be looked into."""

    cell: Annotated[int | None, Field(ge=0, description="also tell where this cell looks (attention); null for none")] = None


class Thought(_Said):
    """What was said after one segment."""

    segment: int
    text: str
    tokens: list[int]
    cells: list[str]
    changed: list[int] = Field(description="cells that are other than a segment before; before the first: than in the question")
    q_halt: float | None = Field(
        description="above 0 (without q_continue) or q_continue the model wants to stop; mean over tokens in causal mode"
    )
    q_continue: float | None
    confidence: float = Field(description="the mean probability that the model gives to the tokens of its answer")
    stops: bool = Field(description="whether the model stops here")


class QuestionAnswer(_Said):
    """A puzzle as the model is given it."""

    object: Literal["question"] = "question"
    model: str
    text: str
    tokens: list[int]
    cells: list[str]


class Answer(_Said):
    """The answer to a puzzle."""

    object: Literal["answer"] = "answer"
    model: str
    text: str
    tokens: list[int]
    cells: list[str]
    right: bool | None = Field(description="by the rules of the task alone; null where they do not say")
    segments: float = Field(description="after which learned halting stopped")
    believed: bool | None = Field(description="whether the model expected its answer to be right; null without a halting head")
    thoughts: list[Thought]
    seconds: float


class Movement(_Said):
    """Size of a state, root mean square, and how far it moved, relative to what it was."""

    norm: float
    change: float | None


class Cycle(_Said):
    """One application of one of the model's stacks."""

    name: str
    stack: str
    movement: Movement
    looks: list[list[float]] = Field(description="of each attention in the stack, how much the cell looks at each cell; mean over heads")


class TracedSegment(_Said):
    """One segment, looked into."""

    segment: int
    states: dict[str, Movement]
    cycles: list[Cycle]


class TraceAnswer(_Said):
    """Everything that was seen."""

    object: Literal["trace"] = "trace"
    model: str
    segments: list[TracedSegment]


class Panel(_Said):
    """A grid to be shown beside a question."""

    title: str
    text: str
    grid: tuple[int, int]


class Example(_Said):
    """A puzzle to pick."""

    number: int
    text: str
    tokens: list[int]
    cells: list[str]
    puzzle_id: int
    answer: str
    answer_cells: list[str]
    rating: float | None
    beside: list[list[Panel]]


class Examples(_Said):
    """Puzzles to pick."""

    object: Literal["list"] = "list"
    count: int
    data: list[Example]


class Model(_Said):
    """A run that is served."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: Literal["hrmlab"] = "hrmlab"
    about: dict[str, Any]


class Models(_Said):
    """The runs that are served."""

    object: Literal["list"] = "list"
    data: list[Model]


class CompletionRequest(_Asked):
    """A text to go on with, in the shape of OpenAI's completions."""

    model: Name
    prompt: Annotated[str, Field(min_length=1)] | Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1, max_length=64)]
    max_tokens: Annotated[int, Field(ge=1)] = 128
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    n: Annotated[int, Field(ge=1, le=64)] = 1
    stop: (
        Annotated[str, Field(min_length=1, max_length=100)]
        | Annotated[list[Annotated[str, Field(min_length=1, max_length=100)]], Field(max_length=8)]
        | None
    ) = None
    seed: Annotated[int | None, Field(ge=0, lt=1 << 63)] = None
    stream: bool = False
    user: Annotated[str | None, Field(max_length=200, description="ignored")] = None


class Choice(_Said):
    """One text."""

    index: int
    text: str
    finish_reason: Literal["stop", "length"] | None
    logprobs: None = None


class Usage(_Said):
    """Tokens read and written."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(_Said):
    """What was written; of a stream what was written since the chunk before."""

    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage | None = None


class Problem(_Said):
    """What went wrong."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorAnswer(_Said):
    """An error, in the shape of OpenAI's."""

    error: Problem


class Health(_Said):
    """Whether the server takes requests."""

    status: Literal["ok", "stopping", "broken"]
    models: int
    waiting: int
    working: int


class Study(_Said):
    """A study whose results can be looked at."""

    name: str
    source: Literal["reports", "outputs"]
    report: str | None = Field(description="path of its report.html on this server")


class Studies(_Said):
    """The studies there are."""

    object: Literal["list"] = "list"
    data: list[Study]


class Column(_Said):
    """A column of a table."""

    name: str
    number: bool


class Table(_Said):
    """A study's runs, a row each."""

    object: Literal["table"] = "table"
    name: str
    source: Literal["reports", "outputs"]
    summary: str
    columns: list[Column]
    rows: list[list[str | float | None]]
