"""The figures of hrm-demo: of every question that it shows one set, and one of how long the model thinks about many."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

    from hrmlab.data.example_set import ExampleSet
    from hrmlab.workflows.opened import OpenedRun

_MOST_EXAMPLES = 500


class Question(NamedTuple):
    """One question to show: (S,) token ids, (S,) labels where the answer is known, and its id for the puzzle embedding."""

    inputs: "np.ndarray"
    labels: "np.ndarray | None" = None
    puzzle_id: int = 0


def draw_questions(opened: "OpenedRun", questions: Sequence[Question], folder: Path, *, segments: int | None) -> Iterator[Path]:
    """Trace and draw each question; the files that were written."""
    from hrmlab.core.task import IGNORED_LABEL
    from hrmlab.reporting.figures.traced.seen import Seen
    from hrmlab.reporting.figures.traced.write import write_figures

    task = opened.task
    for number, (inputs, labels, puzzle_id) in enumerate(questions, start=1):
        seen = opened.trace(inputs, segments=segments, puzzle_id=puzzle_id)
        texts = [task.to_text(tokens) for tokens in (seen.inputs, *seen.answers)]
        one_symbol_each = all(len(text) == task.spec.sequence_length for text in texts)
        drawn = Seen(
            trace=seen,
            title=f"{name_of(opened)}, {task.words.example} {number}",
            token=task.words.token,
            question=texts[0],
            answers=tuple(texts[1:]),
            labels=None if labels is None or (labels == IGNORED_LABEL).all() else labels,
            grid=task.spec.grid if one_symbol_each else None,
            palette=task.palette,
        )
        yield from write_figures(drawn, folder, stem=f"{task.words.example}_{number}")


def draw_depth(opened: "OpenedRun", examples: "ExampleSet | None", folder: Path) -> Iterator[Path]:
    """Draw after how many segments the model stops; nothing for a model that never decides."""
    if examples is None or not opened.reasoner.halts or opened.reasoner.max_segments == 1:
        return
    import numpy as np

    from hrmlab.reporting.figures.traced.halting import draw_depths
    from hrmlab.runs.files import write_bytes

    asked = examples.select(np.arange(min(_MOST_EXAMPLES, len(examples))))
    found = opened.predict(asked.inputs, puzzle_ids=asked.puzzle_ids)
    picture = draw_depths(
        found.segments.numpy(),
        cap=opened.reasoner.max_segments,
        title=f"{name_of(opened)}: {len(asked)} {opened.task.words.example}s",
        things=f"{opened.task.words.example}s",
        right=_right(found.halting_answers.numpy(), asked.labels),
    )
    write_bytes(folder / "depth.png", picture)
    yield folder / "depth.png"


def name_of(opened: "OpenedRun") -> str:
    """Arm and task of a run, as reports name them; of a published checkpoint its class and the task."""
    if opened.run is None:
        return f"{type(opened.reasoner).__name__} on {opened.task.spec.name}"
    return f"{opened.run.labels.arm.replace(',', ' ')} on {opened.run.labels.task.replace(',', ' ')}"


def _right(answers: "np.ndarray", labels: "np.ndarray") -> "np.ndarray | None":
    """(N,) bool, whether every asked token is right; None where nothing is asked."""
    from hrmlab.core.task import IGNORED_LABEL

    asked = labels != IGNORED_LABEL
    return ((answers == labels) | ~asked).all(axis=1) if asked.any() else None
