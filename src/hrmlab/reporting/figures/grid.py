"""A grid of symbols as a person looks at it: what was given, what is wrong, what has changed."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

_BLANK, _FULL = " ._", "#"
_GIVEN, _WRONG, _WRONG_BACK, _FILLED, _CHANGED_BACK = "#8a8a8a", "#a33c00", "#ffe1cc", "#4a4a4a", "#cfe6f7"
_LEGIBLE = 7
"""Points of a cell below which symbols become squares."""


def draw_grid(
    panel: Axes,
    shown: str,
    *,
    question: str,
    grid: tuple[int, int],
    side: float,
    wrong: Sequence[bool],
    changed: Sequence[bool] = (),
    palette: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Draw symbols, one for each cell, row by row.

    Args:
        panel: to draw in.
        shown: the symbols.
        question: those of the question; what equals it is grey.
        grid: rows and columns.
        side: width of the panel in inches.
        wrong: cells that are not what the answer has: orange, and shaded unless ``changed`` says what is shaded.
        changed: cells to shade in blue.
        palette: symbol -> colour of cells that are colours to people; they are filled with it, and marked by a cross where wrong, by a dot
            where changed.
    """
    height, width = grid
    panel.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[], aspect="equal")
    panel.grid(visible=False)
    for spine in panel.spines.values():
        spine.set(visible=True, color="#999999")
    size = 72 * side / width
    for cell, symbol in enumerate(shown):
        row, column = divmod(cell, width)
        shading = (_CHANGED_BACK if changed[cell] else None) if len(changed) else (_WRONG_BACK if wrong[cell] else None)
        if symbol in palette:
            _fill(panel, (column, row), palette[symbol], mark="x" if wrong[cell] else "." if len(changed) and changed[cell] else "")
            continue
        full = symbol in _FULL
        if shading or full:
            panel.add_patch(Rectangle((column, row), 1, 1, color=shading or _FILLED, lw=0))
        if symbol in _BLANK or (full and not shading):
            continue
        colour = _WRONG if wrong[cell] else _GIVEN if symbol == question[cell] else "#111111"
        if size >= _LEGIBLE:
            panel.text(column + 0.5, row + 0.54, symbol, ha="center", va="center", fontsize=min(11, 0.62 * size), color=colour)
        else:
            panel.add_patch(Rectangle((column + 0.15, row + 0.15), 0.7, 0.7, color=colour, lw=0))
    if size >= _LEGIBLE:
        for line in range(1, width):
            panel.axvline(line, color="#dddddd", lw=0.5, zorder=0)
        for line in range(1, height):
            panel.axhline(line, color="#dddddd", lw=0.5, zorder=0)


def _fill(panel: Axes, corner: tuple[int, int], colour: str, *, mark: str) -> None:
    """A cell in its colour; the mark is dark on light cells and light on dark ones."""
    column, row = corner
    panel.add_patch(Rectangle((column, row), 1, 1, facecolor=colour, edgecolor="#666666", lw=0.4))
    if mark:
        red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
        light = 0.3 * red + 0.59 * green + 0.11 * blue > 140
        panel.plot(column + 0.5, row + 0.5, marker=mark, ms=4, color="#111111" if light else "#ffffff")
