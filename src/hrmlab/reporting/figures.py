"""The report's figures as PNG bytes. Matplotlib is imported here and nowhere else, without pyplot and its global state."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter, FuncFormatter, MaxNLocator

from hrmlab.reporting import text
from hrmlab.reporting.curves import AXES, ArmCurves, learning_curves
from hrmlab.reporting.study import Study, TaskRuns
from hrmlab.reporting.tables import chance_level, rating_bins

# Okabe and Ito's palette, told apart by readers with any colour vision; line styles and hatches say the same once more.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_LINES = ("-", "--", "-.", ":")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_HATCHES = ("", "///", "...", "\\\\\\", "xxx")
_STYLE: dict[Any, Any] = {
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
}
_DOTS_PER_INCH = 120
_MOST_LINES = 5


@dataclass(frozen=True)
class Look:
    """How one arm is drawn in every figure."""

    colour: str
    line: str
    marker: str
    hatch: str


@dataclass(frozen=True)
class Picture:
    """A figure file: its name, what it shows (alternative text) and the caption under it."""

    name: str
    shows: str
    caption: str
    png: bytes


def looks(arms: Sequence[str]) -> dict[str, Look]:
    """One look per arm, by the study's order of arms."""
    return {
        arm: Look(_COLOURS[i % len(_COLOURS)], _LINES[i % len(_LINES)], _MARKERS[i % len(_MARKERS)], _HATCHES[i % len(_HATCHES)])
        for i, arm in enumerate(arms)
    }


def draw(study: Study) -> list[Picture]:
    """All figures that the runs give material for."""
    if not study.runs:
        return []
    style = looks(study.arms)
    with rc_context(_STYLE):
        pictures = [picture for task in study.tasks for kind in _CURVES if (picture := _learning(task, style, kind))]
        pictures += [picture for picture in (_halting(study, style), _ratings(study, style)) if picture]
    return pictures


@dataclass(frozen=True)
class _Curve:
    """One measure that is drawn over training. ``from_zero``: its axis starts at 0, where guessing is; cells start far above it."""

    metric: str
    name: str
    file: str
    from_zero: bool


_CURVES = (
    _Curve("val/exact_accuracy", "exact accuracy", "learning", from_zero=True),
    _Curve("val/cell_accuracy", "cell accuracy", "cells", from_zero=False),
)


def _learning(task: TaskRuns, style: dict[str, Look], kind: _Curve) -> Picture | None:
    curves = learning_curves(task, kind.metric)
    axes_names = [axis for axis in AXES if any(axis in curve.x for arm in curves.values() for curve in arm.seeds)]
    if not axes_names:
        return None
    chance = chance_level(task) if kind.from_zero else None
    figure, panels = _panels(len(axes_names), width=4.6, height=3.9)
    for panel, axis in zip(panels, axes_names, strict=True):
        highest = 0.0
        for arm, arm_curves in curves.items():
            highest = max(highest, _draw_curves(panel, axis, arm_curves, style[arm]))
        if chance is not None:
            panel.axhline(100 * chance, color="#555555", lw=1.2, ls=(0, (1, 1)))
        panel.set_xlabel(AXES[axis])
        panel.xaxis.set_major_formatter(EngFormatter(sep=""))
        if axis == "flops":
            _scaled_axis(panel, "FLOPs")
        panel.xaxis.set_major_locator(MaxNLocator(5))
        panel.set_xlim(left=0)
        if kind.from_zero:
            _percent_axis(panel, highest)
    _label_rows(panels, f"Validation {kind.name} (%)")
    handles = [Line2D([], [], color=style[arm].colour, ls=style[arm].line, lw=2.6, label=arm) for arm in curves]
    if chance is not None:
        handles.append(Line2D([], [], color="#555555", lw=1.2, ls=(0, (1, 1)), label="chance level"))
    _finish(figure, handles, f"Learning curves, {kind.name}, {task.label}")
    caption = f"Validation {kind.name} with all segments; bold: mean over seeds; thin: one seed each"
    caption += f", shaded from the lowest to the highest seed where there are more than {_MOST_LINES}" if _is_crowded(curves) else ""
    caption += ". The panels show the same values" + ("." if kind.from_zero else "; the axis does not start at 0.")
    return Picture(
        f"{kind.file}_{task.task}_{task.size}.png", f"Learning curves of every arm on {task.label}, {kind.name}", caption, _png(figure)
    )


def _draw_curves(panel: Axes, axis: str, curves: ArmCurves, look: Look) -> float:
    """The seeds of one arm, thin, and their mean, bold; the highest accuracy drawn."""
    seeds = [curve for curve in curves.seeds if axis in curve.x]
    mean = curves.mean if len(seeds) > 1 and axis in curves.mean.x and len(curves.mean.accuracy) else None
    if mean is not None and len(seeds) > _MOST_LINES:
        panel.fill_between(mean.x[axis], 100 * curves.lowest, 100 * curves.highest, color=look.colour, alpha=0.15, lw=0)
        highest = float(curves.highest.max())
    else:
        for curve in seeds:
            width, opacity, line = (0.9, 0.45, "-") if mean is not None else (2.2, 1.0, look.line)
            panel.plot(curve.x[axis], 100 * curve.accuracy, line, color=look.colour, lw=width, alpha=opacity)
        highest = max((float(curve.accuracy.max()) for curve in seeds), default=0.0)
    if mean is not None:
        panel.plot(mean.x[axis], 100 * mean.accuracy, look.line, color=look.colour, lw=2.6, zorder=3)
    return highest


def _is_crowded(curves: dict[str, ArmCurves]) -> bool:
    return any(len(arm.seeds) > _MOST_LINES for arm in curves.values())


def _halting(study: Study, style: dict[str, Look]) -> Picture | None:
    shown: list[tuple[TaskRuns, dict[str, np.ndarray]]] = []
    for task in study.tasks:
        shares = {arm: share for arm in task.arms if (share := _segment_shares(task, arm)) is not None}
        if any(len(share) > 1 for share in shares.values()):
            shown.append((task, {arm: share for arm, share in shares.items() if len(share) > 1}))
    if not shown:
        return None
    figure, panels = _panels(len(shown), width=5.6, height=3.9)
    drawn: dict[str, None] = {}
    for panel, (task, shares) in zip(panels, shown, strict=True):
        width = 0.8 / len(shares)
        longest = max(map(len, shares.values()))
        for place, (arm, share) in enumerate(shares.items()):
            offset = (place - (len(shares) - 1) / 2) * width
            drawn[arm] = None
            panel.bar(
                np.arange(1, len(share) + 1) + offset,
                100 * share,
                width,
                color=style[arm].colour,
                hatch=style[arm].hatch,
                edgecolor="white",
                lw=0.4,
            )
        panel.set_title(task.label)
        panel.set_xlabel("Segments used")
        panel.set_xlim(0.4, longest + 0.6)
        panel.xaxis.set_major_locator(MaxNLocator(nbins=9, integer=True))
        panel.grid(axis="x", visible=False)
    _label_rows(panels, "Test examples (%)")
    handles = [
        Patch(facecolor=style[arm].colour, hatch=style[arm].hatch, edgecolor="white", label=arm) for arm in study.arms if arm in drawn
    ]
    _finish(figure, handles, "Where learned halting stops")
    left_out = [f"`{arm}`" for arm in study.arms if arm not in drawn]
    caption = "Share of test examples (all seeds together) that stop after so many segments."
    caption += f" Not drawn, because one segment is all it ever uses: {text.listing(left_out)}." if left_out else ""
    return Picture("halting.png", "Histogram of segments used under learned halting", caption, _png(figure))


def _segment_shares(task: TaskRuns, arm: str) -> np.ndarray | None:
    """(K,) share of test examples that used 1..K segments; None where no run recorded it."""
    counts = [
        np.bincount(run.predictions.segments.astype(int))[1:]
        for run in task.runs(arm)
        if run.predictions is not None and run.predictions.segments is not None
    ]
    if not counts or not sum(count.sum() for count in counts):
        return None
    total = np.zeros(max(map(len, counts)))
    for count in counts:
        total[: len(count)] += count
    return total / total.sum()


def _ratings(study: Study, style: dict[str, Look]) -> Picture | None:
    found = [(task, *rating_bins(task)) for task in study.tasks]
    shown = [(task, limits, by_arm) for task, limits, by_arm in found if limits]
    if not shown:
        return None
    figure, panels = _panels(len(shown), width=5.6, height=4.1)
    drawn: dict[str, None] = {}
    for panel, (task, limits, by_arm) in zip(panels, shown, strict=True):
        highest = 0.0
        for place, (arm, estimates) in enumerate(by_arm.items()):
            look = style[arm]
            drawn[arm] = None
            places = np.array([i for i, estimate in enumerate(estimates) if estimate]) + 0.08 * (place - (len(by_arm) - 1) / 2)
            known = [estimate for estimate in estimates if estimate]
            values = np.array([estimate.value for estimate in known])
            low = np.array([max(0.0, estimate.low) if estimate.low is not None else estimate.value for estimate in known])
            high = np.array([min(1.0, estimate.high) if estimate.high is not None else estimate.value for estimate in known])
            highest = max(highest, float(high.max(initial=0.0)))
            errors = 100 * np.stack([values - low, high - values])
            panel.errorbar(
                places, 100 * values, errors, color=look.colour, ls=look.line, marker=look.marker, ms=6, lw=1.8, capsize=3, elinewidth=1
            )
        panel.set_title(task.label)
        panel.set_xticks(range(len(limits)), [f"{low:g}–{high:g}" for low, high in limits])
        panel.set_xlabel("Rating of the puzzle (quantiles, easy to hard)")
        panel.grid(axis="x", visible=False)
        _percent_axis(panel, highest)
    _label_rows(panels, "Test exact accuracy (%)")
    handles = [
        Line2D([], [], color=style[arm].colour, ls=style[arm].line, marker=style[arm].marker, label=arm)
        for arm in study.arms
        if arm in drawn
    ]
    _finish(figure, handles, "Accuracy by difficulty")
    caption = "Mean over seeds in each quantile of the rating; bars are 95 % intervals over seeds."
    return Picture("rating.png", "Test exact accuracy by rating quantile", caption, _png(figure))


def _panels(number: int, *, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """A figure with so many panels, at most three in a row."""
    columns = 2 if number == 4 else min(number, 3)
    rows = -(-number // columns)
    figure = Figure(figsize=(max(width * columns, 6.0), height * rows))
    FigureCanvasAgg(figure)
    panels = [figure.add_subplot(rows, columns, place + 1) for place in range(number)]
    return figure, panels


def _label_rows(panels: list[Axes], label: str) -> None:
    """The label at the left of every row of panels."""
    for panel in panels:
        place = panel.get_subplotspec()
        if place is not None and place.is_first_col():
            panel.set_ylabel(label)


def _percent_axis(panel: Axes, highest: float) -> None:
    """0 to 100 % where results reach high; otherwise 0 to a little above the highest, so that low curves can be told apart."""
    top = 102 if highest > 0.5 else max(2.0, 130 * highest)
    panel.set_ylim(-0.02 * top, top)


def _scaled_axis(panel: Axes, unit: str) -> None:
    """One prefix for all of an axis's numbers, in its label: ``Training FLOPs (T)`` instead of 800G beside 1.6T."""
    power = max(0, min(6, int(np.log10(max(1.0, panel.dataLim.x1)) // 3)))
    panel.set_xlabel(f"Training {('', 'k', 'M', 'G', 'T', 'P', 'E')[power]}{unit}")
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 1000**power:g}"))


def _finish(figure: Figure, handles: Iterable[Any], title: str) -> None:
    handles = list(handles)
    figure.suptitle(title, fontsize=13, fontweight="bold", x=0.01, ha="left")
    longest = max(len(str(handle.get_label())) for handle in handles)
    fitting = int(figure.get_figwidth() // (0.75 + 0.095 * longest))
    rows = -(-len(handles) // max(1, fitting))
    figure.legend(handles=handles, loc="outside lower center", ncols=-(-len(handles) // rows), handlelength=3)


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=_DOTS_PER_INCH, format="png", metadata={"Software": None}, pil_kwargs={"compress_level": 3})
    return buffer.getvalue()
