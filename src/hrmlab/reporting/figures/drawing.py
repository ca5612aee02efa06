"""What all of the report's figures share: one look per arm, panels, axes, legend, files. Matplotlib's global state is left alone."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.figure import Figure

from hrmlab.core.measures import Unit
from hrmlab.reporting import text

# Okabe and Ito's palette, told apart by readers with any colour vision; line styles and hatches say the same once more.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_LINES = ("-", "--", "-.", ":")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_HATCHES = ("", "///", "...", "\\\\\\", "xxx")
STYLE: dict[Any, Any] = {
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "hatch.linewidth": 0.6,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "pdf.fonttype": 42,
}
DOTS_PER_INCH = 120
_TITLE_LETTERS = 8
"""Of a figure's title on an inch, at most."""
_LABEL_LETTERS = 36
"""Of a label beside a panel, on a line."""


@dataclass(frozen=True)
class Look:
    """How one arm is drawn in every figure."""

    colour: str
    line: str
    marker: str
    hatch: str


Topic = Literal["result", "sizes", "tasks", "practice", "learning", "segments", "halting", "depth", "difficulty", "failures"]
"""The part of the report that a figure belongs to."""


@dataclass(frozen=True)
class Picture:
    """A figure in two files, ``<stem>.png`` and, for papers, ``<stem>.pdf``.

    Attributes:
        stem: its name without an ending.
        shows: alternative text.
        caption: the text under it, inline Markdown.
        interactive: whether report.html has curves to point at in its place.
    """

    stem: str
    topic: Topic
    shows: str
    caption: str
    png: bytes
    pdf: bytes
    interactive: bool = False

    @property
    def name(self) -> str:
        """The file that pages show."""
        return f"{self.stem}.png"

    @property
    def files(self) -> dict[str, bytes]:
        """Both files by name."""
        return {f"{self.stem}.png": self.png, f"{self.stem}.pdf": self.pdf}


def looks(arms: Sequence[str]) -> dict[str, Look]:
    """One look per arm, by the study's order of arms."""
    return {
        arm: Look(_COLOURS[i % len(_COLOURS)], _LINES[i % len(_LINES)], _MARKERS[i % len(_MARKERS)], _HATCHES[i % len(_HATCHES)])
        for i, arm in enumerate(arms)
    }


def make_panels(number: int, *, width: float, height: float, in_a_row: int | None = None) -> tuple[Figure, list[Axes]]:
    """A figure with so many panels, without ``in_a_row`` at most three in a row."""
    columns = in_a_row or (2 if number == 4 else min(number, 3))
    rows = -(-number // columns)
    figure = Figure(figsize=(max(width * columns, 6.0), height * rows))
    FigureCanvasAgg(figure)
    panels = [figure.add_subplot(rows, columns, place + 1) for place in range(number)]
    return figure, panels


def label_rows(panels: list[Axes], label: str) -> None:
    """The label at the left of every row of panels; in several lines where it is longer than a panel is high."""
    for panel in panels:
        place = panel.get_subplotspec()
        if place is not None and place.is_first_col():
            panel.set_ylabel(text.wrapped(label, width=_LABEL_LETTERS))


def scaled(values: Any, unit: Unit) -> Any:
    """Values as they are drawn: shares in percent."""
    return 100 * values if unit == "share" else values


def clip(value: float, unit: Unit) -> float:
    """An interval's end where shares can be."""
    return min(1.0, max(0.0, value)) if unit == "share" else value


def draw_intervals(panel: Axes, places: Any, ends: tuple[np.ndarray, np.ndarray, np.ndarray], look: Look, unit: Unit) -> None:
    """A line through values with their intervals, given as (low, value, high), (K,) each, at K places."""
    low, values, high = ends
    panel.errorbar(
        places,
        scaled(values, unit),
        scaled(np.stack([values - low, high - values]), unit).clip(min=0.0),
        color=look.colour,
        ls=look.line,
        marker=look.marker,
        ms=6,
        lw=1.8,
        capsize=3,
        elinewidth=1,
    )


def unit_words(unit: Unit) -> str:
    """What follows a measure's name on an axis: `` (%)`` for shares."""
    return " (%)" if unit == "share" else ""


def unit_axis(panel: Axes, highest: float, unit: Unit) -> None:
    """0 to 100 % where shares reach high, otherwise 0 to a little above the highest, so that low curves can be told apart."""
    if unit != "share":
        panel.margins(y=0.08)
        return
    top = 102 if highest > 0.5 else max(2.0, 130 * highest)
    panel.set_ylim(-0.02 * top, top)


def finish(figure: Figure, handles: Iterable[Any], title: str) -> None:
    """Title above and legend below; long names take several lines."""
    handles = list(handles)
    for handle in handles:
        handle.set_label(text.wrapped(str(handle.get_label())))
    figure.suptitle(
        text.wrapped(title, width=int(_TITLE_LETTERS * figure.get_figwidth())), fontsize=13, fontweight="bold", x=0.01, ha="left"
    )
    longest = max((len(line) for handle in handles for line in str(handle.get_label()).split("\n")), default=1)
    fitting = int(figure.get_figwidth() // (0.75 + 0.095 * longest))
    rows = -(-len(handles) // max(1, fitting))
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=-(-len(handles) // rows), handlelength=3)


def as_picture(figure: Figure, *, stem: str, topic: Topic, shows: str, caption: str, interactive: bool = False) -> Picture:
    """The finished figure as files that are equal for equal content."""
    return Picture(stem, topic, shows, caption, *_as_files(figure), interactive)


def as_png(figure: Figure) -> bytes:
    """The finished figure as a PNG file's content. Its layout stays as it is from then on."""
    figure.set_dpi(DOTS_PER_INCH)
    _lay_out(figure)
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None}, pil_kwargs={"compress_level": 3})
    return buffer.getvalue()


def _as_files(figure: Figure) -> tuple[bytes, bytes]:
    """PNG and PDF."""
    png = as_png(figure)
    buffer = io.BytesIO()
    FigureCanvasPdf(figure).print_pdf(buffer, metadata={"Creator": None, "Producer": None, "CreationDate": None})
    return png, buffer.getvalue()


def _lay_out(figure: Figure) -> None:
    """Once for both files: ``Figure.savefig`` would draw everything a second time for each of them, and nothing would move."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
