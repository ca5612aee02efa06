"""Test examples that one of two arms alone solves, drawn as grids: question, answer, and what each arm said."""

import re

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from hrmlab.reporting import text
from hrmlab.reporting.compare.failures import Failure, TaskFailures
from hrmlab.reporting.figures.drawing import Picture, as_picture

_SIDE = 2.0
_BLANK, _FULL = " ._", "#"
_GIVEN, _WRONG, _WRONG_BACK, _FILLED = "#8a8a8a", "#a33c00", "#ffe1cc", "#4a4a4a"


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
            _draw_grid(panel, shown, failure, found.grid, judged=column > 1)
    stem = f"failures_{place}_{re.sub(r'[^A-Za-z0-9]+', '_', found.label).strip('_')}"
    caption = (
        f"{found.label}, seed {found.seed}: of {found.total} test {found.example}s `{found.opponent}` alone solves {found.only_theirs} and "
        f"`{found.arm}` alone {found.only_ours}; the first of each kind by index. Grey: given; shaded: not what the answer has."
    )
    shows = f"Test {found.example}s of {found.label} that one of {found.arm} and {found.opponent} alone solves"
    return as_picture(figure, stem=stem, topic="failures", shows=shows, caption=caption)


def _draw_grid(panel: Axes, shown: str, failure: Failure, grid: tuple[int, int], *, judged: bool) -> None:
    height, width = grid
    panel.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[], aspect="equal")
    panel.grid(visible=False)
    for spine in panel.spines.values():
        spine.set(visible=True, color="#999999")
    size = 72 * (_SIDE - 0.2) / width  # points of one cell
    for cell, symbol in enumerate(shown):
        row, column = divmod(cell, width)
        wrong = judged and bool(failure.answer) and symbol != failure.answer[cell]
        if wrong or symbol in _FULL:
            panel.add_patch(Rectangle((column, row), 1, 1, color=_WRONG_BACK if wrong else _FILLED, lw=0))
        if symbol in _FULL + _BLANK and not (wrong and symbol not in _BLANK):
            continue
        given = symbol == failure.question[cell]
        colour = _WRONG if wrong else _GIVEN if given else "#111111"
        if size >= 7:
            panel.text(column + 0.5, row + 0.54, symbol, ha="center", va="center", fontsize=min(11, 0.62 * size), color=colour)
        else:
            panel.add_patch(Rectangle((column + 0.15, row + 0.15), 0.7, 0.7, color=colour, lw=0))
    if size >= 7:
        for line in range(1, width):
            panel.axvline(line, color="#dddddd", lw=0.5, zorder=0)
        for line in range(1, height):
            panel.axhline(line, color="#dddddd", lw=0.5, zorder=0)
