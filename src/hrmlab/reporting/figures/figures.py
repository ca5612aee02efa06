"""The report's figures: learning curves, where halting stops, accuracy by rating; pass@1 by depth has a module of its own."""

from dataclasses import dataclass

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter, FuncFormatter, MaxNLocator

from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.reporting.compare.leaks import caption_names, legend_label
from hrmlab.reporting.figures.curves import AXES, ArmCurves, learning_curves
from hrmlab.reporting.figures.depth_figure import draw_depths
from hrmlab.reporting.figures.drawing import STYLE, Look, Picture, as_png, finish, label_rows, looks, make_panels, percent_axis
from hrmlab.reporting.tables.main import chance_level, rating_bins
from hrmlab.reporting.tables.measures import TOKEN_ACCURACY

_MOST_LINES = 5


def draw(study: Study) -> list[Picture]:
    """All figures that the runs give material for."""
    if not study.runs:
        return []
    style = looks(study.arms)
    with rc_context(STYLE):
        pictures = [picture for task in study.tasks for kind in _CURVES if (picture := _learning(task, style, kind))]
        pictures += [picture for picture in (draw_depths(study, style), _halting(study, style), _ratings(study, style)) if picture]
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
    name = _code_name(kind) if task.is_code else kind.name
    figure, panels = make_panels(len(axes_names), width=4.6, height=3.9)
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
            percent_axis(panel, highest)
    label_rows(panels, f"Validation {name.partition(' (')[0].removesuffix(' under given tokens')} (%)")
    handles = [Line2D([], [], color=style[arm].colour, ls=style[arm].line, lw=2.6, label=legend_label([task], arm)) for arm in curves]
    if chance is not None:
        handles.append(Line2D([], [], color="#555555", lw=1.2, ls=(0, (1, 1)), label="chance level"))
    finish(figure, handles, f"Learning curves, {name.partition(' (')[0]}, {task.label}")
    caption = f"Validation {name} with all segments; bold: mean over seeds; thin: one seed each"
    caption += f", shaded from the lowest to the highest seed where there are more than {_MOST_LINES}" if _is_crowded(curves) else ""
    caption += ". The panels show the same values" + ("." if kind.from_zero else "; the axis does not start at 0.")
    caption += " No program is run during training, so this is not pass@1." if task.is_code else ""
    return Picture(
        f"{kind.file}_{task.task}_{task.size}.png", f"Learning curves of every arm on {task.label}, {name}", caption, as_png(figure)
    )


def _code_name(kind: _Curve) -> str:
    """The measure's name where programs are predicted token by token."""
    return "exact accuracy under given tokens" if kind.from_zero else TOKEN_ACCURACY


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
    figure, panels = make_panels(len(shown), width=5.6, height=3.9)
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
    label_rows(panels, "Test examples (%)")
    handles = [
        Patch(facecolor=style[arm].colour, hatch=style[arm].hatch, edgecolor="white", label=legend_label([task for task, _ in shown], arm))
        for arm in study.arms
        if arm in drawn
    ]
    finish(figure, handles, "Where learned halting stops")
    left_out = [arm for arm in study.arms if arm not in drawn]
    caption = "Share of test examples (all seeds together) that stop after so many segments."
    if any(task.is_code for task, _ in shown):
        caption += " For code the segments of an example are the mean over its tokens, rounded."
    caption += f" Not drawn, because one segment is all it ever uses: {caption_names(study.tasks, left_out)}." if left_out else ""
    return Picture("halting.png", "Histogram of segments used under learned halting", caption, as_png(figure))


def _segment_shares(task: TaskRuns, arm: str) -> np.ndarray | None:
    """(K,) share of test examples that used 1..K segments, means over tokens rounded; None where no run recorded it."""
    counts = [
        _whole_counts(run.predictions.segments)
        for run in task.runs(arm)
        if run.predictions is not None and run.predictions.segments is not None
    ]
    if not counts or not sum(count.sum() for count in counts):
        return None
    total = np.zeros(max(map(len, counts)))
    for count in counts:
        total[: len(count)] += count
    return total / total.sum()


def _whole_counts(segments: np.ndarray) -> np.ndarray:
    """How many examples used 1, 2, ... segments."""
    known = segments[np.isfinite(segments)]
    return np.bincount(np.maximum(1, np.floor(known + 0.5).astype(int)), minlength=2)[1:]


def _ratings(study: Study, style: dict[str, Look]) -> Picture | None:
    found = [(task, *rating_bins(task)) for task in study.tasks]
    shown = [(task, limits, by_arm) for task, limits, by_arm in found if limits and task.score == "exact_accuracy"]
    if not shown:
        return None
    figure, panels = make_panels(len(shown), width=5.6, height=4.1)
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
        percent_axis(panel, highest)
    label_rows(panels, "Test exact accuracy (%)")
    handles = [
        Line2D(
            [],
            [],
            color=style[arm].colour,
            ls=style[arm].line,
            marker=style[arm].marker,
            label=legend_label([task for task, *_ in shown], arm),
        )
        for arm in study.arms
        if arm in drawn
    ]
    finish(figure, handles, "Accuracy by difficulty")
    caption = "Mean over seeds in each quantile of the rating; bars are 95 % intervals over seeds."
    return Picture("rating.png", "Test exact accuracy by rating quantile", caption, as_png(figure))


def _scaled_axis(panel: Axes, unit: str) -> None:
    """One prefix for all of an axis's numbers, in its label: ``Training FLOPs (T)`` instead of 800G beside 1.6T."""
    power = max(0, min(6, int(np.log10(max(1.0, panel.dataLim.x1)) // 3)))
    panel.set_xlabel(f"Training {('', 'k', 'M', 'G', 'T', 'P', 'E')[power]}{unit}")
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 1000**power:g}"))
