"""Solvers that learn nothing or next to nothing: what a result has to be held against before it is called skill.

A task names its own (``Task.trivial``); here are those that need to know nothing of a task.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from hrmlab.core.task import IGNORED_LABEL
from hrmlab.data.example_set import ExampleSet

TRAINING_ROWS = 5_000
"""Rows of the training split in which tokens are counted, spread evenly over it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Trivial:
    """What a trivial solver answers.

    Attributes:
        name: what it does, such as ``copy the input``.
        meaning: a clause that says so exactly.
        answers: (N, S) token ids, scored like a model's; one draw of a solver that draws.
        expected: measure -> exact expectation over all draws, or a value that no answer has (bits per byte); it goes before what the
            answers score.
    """

    name: str
    meaning: str
    answers: np.ndarray
    expected: Mapping[str, float] = field(default_factory=dict)


def copying(examples: ExampleSet, *, next_token: bool, token: str) -> Trivial:
    """Every position as it stands in the input; where labels are the next tokens, the token before once more.

    Args:
        examples: N examples.
        next_token: see :class:`hrmlab.core.task.TaskSpec`.
        token: what the task calls a position.
    """
    if next_token:
        return Trivial(name="repeat the last token", meaning=f"every {token} is the one before it", answers=examples.inputs)
    return Trivial(name="copy the input", meaning=f"every {token} stays as it stands in the input", answers=examples.inputs)


def majority(train: ExampleSet, examples: ExampleSet, *, next_token: bool, token: str) -> list[Trivial]:
    """The answer that the training split gives most often: anywhere, and (unless labels are the next tokens) at each position.

    Args:
        train: the training split; of a large one, 5,000 rows are counted.
        examples: N examples.
        next_token, token: as in :func:`copying`.
    """
    labels = train.labels[spread(len(train), TRAINING_ROWS)]
    asked = labels != IGNORED_LABEL
    if not asked.any():
        return []
    overall = int(np.bincount(labels[asked]).argmax())
    found = [
        Trivial(
            name="most frequent token",
            meaning=f"every {token} is the token that training answers hold most often",
            answers=np.full_like(examples.labels, overall),
        )
    ]
    if not next_token:
        best = np.array(
            [int(np.bincount(column[known]).argmax()) if known.any() else overall for column, known in zip(labels.T, asked.T, strict=True)]
        )
        found.append(
            Trivial(
                name="most frequent token by position",
                meaning=f"every {token} is the token that training answers hold most often in its place",
                answers=np.tile(best.astype(examples.labels.dtype), (len(examples), 1)),
            )
        )
    return found


def spread(count: int, most: int) -> np.ndarray:
    """(min(count, most),) int64: so many of ``count`` places, spread evenly over them."""
    return np.arange(count) if count <= most else np.linspace(0, count - 1, most).astype(np.int64)


def sample(examples: ExampleSet, most: int) -> ExampleSet:
    """At most so many examples, spread evenly over the set; what belongs together (``groups``) stays together."""
    if len(examples) <= most:
        return examples
    units = np.where(examples.groups < 0, -1 - np.arange(len(examples)), examples.groups)
    names, first = np.unique(units, return_index=True)
    in_order = names[np.argsort(first)]
    chosen = in_order[spread(len(in_order), max(1, most * len(in_order) // len(examples)))]
    return examples.select(np.flatnonzero(np.isin(units, chosen)))
