"""Test examples that one of two arms alone solves, drawn as grids: question, answer, and what each arm said."""

import re

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hrmlab.reporting import text
from hrmlab.reporting.compare.failures import TaskFailures
from hrmlab.reporting.figures.drawing import Picture, as_picture
from hrmlab.reporting.figures.grid import draw_grid

_SIDE = 2.0
_SHADED, _MARKED = "Grey: given; shaded: not what the answer has.", "Crossed: not what the answer has."


def draw_failures(found: TaskFailures, place: int) -> Picture | None:
    """One row for each example; None where the task's texts are no grids.

    Args:
        place: of the task among those with failures, for the file's name.
    """
    if found.grid is None:
        return None
    rows = len(found.failures)
    figure = Figure(figsize=(4 * _SIDE + 0.4, rows * (_SIDE * found.grid[0] / found.grid[1] + 0.45) + 0.3))
    FigureCanvasAgg(figure)
    for row, failure in enumerate(found.failures):
        right, wrong = " (right)", " (wrong)"
        titles = (
            f"{text.sentence_case(found.example)} {failure.index}",
            "Answer",
            text.wrapped(found.arm, width=20) + (right if failure.solved_by_us else wrong),
            text.wrapped(found.opponent, width=20) + (wrong if failure.solved_by_us else right),
        )
        texts = (failure.question, failure.answer, failure.ours, failure.theirs)
        for column, (title, shown) in enumerate(zip(titles, texts, strict=True)):
            panel = figure.add_subplot(rows, 4, 4 * row + column + 1)
            panel.set_title(title, fontsize=9, loc="left")
            judged = column > 1 and bool(failure.answer)
            wrong = [judged and symbol != failure.answer[cell] for cell, symbol in enumerate(shown)]
            side = _SIDE - 0.2
            draw_grid(panel, shown, question=failure.question, grid=found.grid, side=side, wrong=wrong, palette=found.palette)
    stem = f"failures_{place}_{re.sub(r'[^A-Za-z0-9]+', '_', found.label).strip('_')}"
    caption = (
        f"{found.label}, seed {found.seed}: of {found.total} test {found.example}s `{found.opponent}` alone solves {found.only_theirs} and "
        f"`{found.arm}` alone {found.only_ours}; the first of each kind by index. "
        f"{_MARKED if found.palette else _SHADED}"
    )
    shows = f"Test {found.example}s of {found.label} that one of {found.arm} and {found.opponent} alone solves"
    return as_picture(figure, stem=stem, topic="failures", shows=shows, caption=caption)
