"""A sheet of grids as a picture: what a task wants drawn of an answer (``core.sheets``)."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hrmlab.core.sheets import Panel, Sheet
from hrmlab.reporting.figures.drawing import as_png
from hrmlab.reporting.figures.grid import draw_grid

_SIDE, _TITLES = 1.9, 0.45
_MARKS = {True: (" (right)", "#007a33"), False: (" (wrong)", "#a33c00"), None: ("", "#111111")}


def draw_sheet(sheet: Sheet, palette: Mapping[str, str]) -> bytes:
    """A PNG with a row for each of the sheet's rows.

    Args:
        palette: symbol -> colour ``#rrggbb`` of cells; symbols without one are drawn as symbols.
    """
    columns = max(len(row) for row in sheet.rows)
    heights = [max(_height(panel) for panel in row) + _TITLES for row in sheet.rows]
    figure = Figure(figsize=(_SIDE * columns + 0.3, sum(heights) + 0.5), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(sheet.title, fontsize=12, fontweight="bold", x=0.02, ha="left")
    places = figure.add_gridspec(len(sheet.rows), columns, height_ratios=heights)
    for row, panels in enumerate(sheet.rows):
        for column, panel in enumerate(panels):
            _draw(figure.add_subplot(places[row, column]), panel, palette)
    return as_png(figure)


def _height(panel: Panel) -> float:
    rows, columns = panel.grid
    return min(_SIDE, _SIDE * rows / columns)


def _draw(axes: Axes, panel: Panel, palette: Mapping[str, str]) -> None:
    mark, colour = _MARKS[panel.right]
    axes.set_title(panel.title + mark, fontsize=8, loc="left", color=colour)
    nothing = [False] * len(panel.text)
    draw_grid(axes, panel.text, question=panel.text, grid=panel.grid, side=_SIDE - 0.2, wrong=nothing, palette=palette)
