"""How an answer came about: the grid after every segment, what changed, what is wrong."""

from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from hrmlab.reporting.figures.drawing import STYLE, as_png, finish
from hrmlab.reporting.figures.grid import draw_grid
from hrmlab.reporting.figures.traced.seen import Seen

_SIDE, _IN_A_ROW, _MOST = 2.2, 6, 24
_SHADES = {"right, as before": "#eeeeee", "right, changed": "#7fb8de", "wrong, as before": "#f2b48c", "wrong, changed": "#a33c00"}


def draw_solution(seen: Seen) -> bytes:
    """A PNG: grids, or of what is no grid a row of coloured positions for every segment."""
    with rc_context(STYLE):
        return _grids(seen, seen.grid) if seen.grid is not None else _rows(seen)


def _grids(seen: Seen, grid: tuple[int, int]) -> bytes:
    answers, number = seen.trace.answers, len(seen.answers)
    shown = list(range(number)) if number <= _MOST - 1 else [*range(_MOST - 2), number - 1]
    columns = min(_IN_A_ROW, len(shown) + 1)
    rows = -(-(len(shown) + 1) // columns)
    height = _SIDE * grid[0] / grid[1]
    figure = Figure(figsize=(max(6.0, _SIDE * columns + 0.4), rows * (height + 0.55) + 1.0))
    FigureCanvasAgg(figure)

    def panel(place: int, title: str, text: str, wrong: np.ndarray, changed: np.ndarray) -> None:
        axes = figure.add_subplot(rows, columns, place + 1)
        axes.set_title(title, fontsize=9, loc="left")
        side = _SIDE - 0.2
        marks = {"wrong": wrong.tolist(), "changed": changed.tolist()}
        draw_grid(axes, text, question=seen.question, grid=grid, side=side, palette=seen.palette, **marks)

    nothing = np.zeros(len(seen.trace.inputs), bool)
    panel(0, "question", seen.question, nothing, nothing)
    for place, index in enumerate(shown, start=1):
        changed = answers[index] != (seen.trace.inputs if index == 0 else answers[index - 1])
        things = f"{int(changed.sum())} {seen.token}{'' if changed.sum() == 1 else 's'} changed"
        halts = f"\n{seen.halting_words}" if seen.halting_segment == index + 1 and number > 1 else ""
        panel(place, f"segment {index + 1}: {things}{halts}", seen.answers[index], seen.wrong(answers[index]), changed)
    handles: list[Any] = [
        Patch(color="#cfe6f7", label="changed in this segment"),
        Patch(color="#8a8a8a", label="grey symbol: as in the question"),
    ]
    if seen.palette:
        handles = [Line2D([], [], ls="", marker=".", color="#111111", label="changed in this segment")]
        if seen.labels is not None:
            handles.append(Line2D([], [], ls="", marker="x", color="#111111", label="not what the right answer has"))
    elif seen.labels is not None:
        handles.append(Patch(color="#a33c00", label="orange symbol: not what the right answer has"))
    if len(shown) < number:
        handles.append(Patch(color="white", label=f"segments {shown[-2] + 2} to {number - 1} are left out"))
    finish(figure, handles, seen.title)
    return as_png(figure)


def _rows(seen: Seen) -> bytes:
    answers = seen.trace.answers
    before = np.concatenate((answers[:1], answers[:-1]))  # an answer of another kind than the question has no change in its first segment
    wrong = np.stack([seen.wrong(row) for row in answers])
    states = 2 * wrong.astype(int) + (answers != before)
    figure = Figure(figsize=(10.0, 1.8 + 0.3 * min(len(answers), 24)))
    FigureCanvasAgg(figure)
    panel = figure.add_subplot()
    panel.imshow(states, aspect="auto", interpolation="nearest", cmap=ListedColormap(list(_SHADES.values())), vmin=-0.5, vmax=3.5)
    panel.set(xlabel=seen.token, ylabel="segment")
    panel.grid(visible=False)
    panel.yaxis.set_major_locator(MaxNLocator(integer=True))
    panel.yaxis.set_major_formatter(lambda place, _: f"{place + 1:g}")
    names = list(_SHADES) if seen.labels is not None else ["right, as before", "right, changed"]
    words = {name: name if seen.labels is not None else name.removeprefix("right, ") for name in names}
    finish(figure, [Patch(color=_SHADES[name], label=words[name]) for name in names], seen.title)
    return as_png(figure)
