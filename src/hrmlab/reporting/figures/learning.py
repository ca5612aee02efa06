"""Learning curves of one task: a measure on the validation split over steps, examples and FLOPs."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, FuncFormatter, MaxNLocator

from hrmlab.core.measures import CELL_ACCURACY, Measure, Unit
from hrmlab.reporting.collect.study import TaskRuns
from hrmlab.reporting.compare.leaks import legend_label
from hrmlab.reporting.compare.scores import chance_level
from hrmlab.reporting.figures.curves import AXES, ArmCurves, learning_curves
from hrmlab.reporting.figures.drawing import Look, Picture, as_png, finish, label_rows, make_panels, scaled, unit_axis, unit_words

_MOST_LINES = 5


def draw_learning(task: TaskRuns, style: dict[str, Look]) -> list[Picture]:
    """What counts (where training does not measure that, the first declared measure that it does), and accuracy over single cells."""
    ordered = sorted(task.measures, key=lambda measure: (measure.name != task.measure.name, not measure.counts))
    whole = next(
        (measure for measure in ordered if measure.name != CELL_ACCURACY.name and learning_curves(task, f"val/{measure.name}")), None
    )
    cells = next((measure for measure in ordered if measure.name == CELL_ACCURACY.name), None)
    kinds = [(whole, "learning", True), (cells, "cells", False)]
    found = [_draw(task, style, measure, file, from_zero=zero) for measure, file, zero in kinds if measure is not None]
    return [picture for picture in found if picture is not None]


def _draw(task: TaskRuns, style: dict[str, Look], measure: Measure, file: str, *, from_zero: bool) -> Picture | None:
    """One measure over training. ``from_zero``: its axis starts at 0, where guessing is; cells start far above it."""
    curves, name, unit = learning_curves(task, f"val/{measure.name}"), measure.wording, measure.unit
    axes_names = [axis for axis in AXES if any(axis in curve.x for arm in curves.values() for curve in arm.seeds)]
    if not axes_names:
        return None
    chance = chance_level(task) if measure.name == task.measure.name else None
    figure, panels = make_panels(len(axes_names), width=4.6, height=3.9)
    for panel, axis in zip(panels, axes_names, strict=True):
        highest = 0.0
        for arm, arm_curves in curves.items():
            highest = max(highest, _draw_curves(panel, axis, arm_curves, style[arm], unit))
        if chance is not None:
            panel.axhline(scaled(chance, unit), color="#555555", lw=1.2, ls=(0, (1, 1)))
        panel.set_xlabel(AXES[axis])
        panel.xaxis.set_major_formatter(EngFormatter(sep=""))
        if axis == "flops":
            _scaled_axis(panel, "FLOPs")
        panel.xaxis.set_major_locator(MaxNLocator(5))
        panel.set_xlim(left=0)
        if from_zero:
            unit_axis(panel, highest, unit)
    label_rows(panels, f"Validation {name.removesuffix(' under given tokens')}{unit_words(unit)}")
    handles = [Line2D([], [], color=style[arm].colour, ls=style[arm].line, lw=2.6, label=legend_label([task], arm)) for arm in curves]
    if chance is not None:
        handles.append(Line2D([], [], color="#555555", lw=1.2, ls=(0, (1, 1)), label="trivial baseline"))
    finish(figure, handles, f"Learning curves, {name}, {task.label}")
    caption = f"Validation {name} with all segments; bold: mean over seeds; thin: one seed each"
    caption += f", shaded from the lowest to the highest seed where there are more than {_MOST_LINES}" if _is_crowded(curves) else ""
    caption += ". The panels show the same values" + ("." if from_zero else "; the axis does not start at 0.")
    if whole_measure := (task.measure.wording if measure.counts and measure.name != task.measure.name else ""):
        caption += f" Training does not measure {whole_measure}, so this is not {whole_measure}."
    return Picture(f"{file}_{task.task}_{task.size}.png", f"Learning curves of every arm on {task.label}, {name}", caption, as_png(figure))


def _draw_curves(panel: Axes, axis: str, curves: ArmCurves, look: Look, unit: Unit) -> float:
    """The seeds of one arm, thin, and their mean, bold; the highest accuracy drawn."""
    seeds = [curve for curve in curves.seeds if axis in curve.x]
    mean = curves.mean if len(seeds) > 1 and axis in curves.mean.x and len(curves.mean.accuracy) else None
    if mean is not None and len(seeds) > _MOST_LINES:
        panel.fill_between(mean.x[axis], scaled(curves.lowest, unit), scaled(curves.highest, unit), color=look.colour, alpha=0.15, lw=0)
        highest = float(curves.highest.max())
    else:
        for curve in seeds:
            width, opacity, line = (0.9, 0.45, "-") if mean is not None else (2.2, 1.0, look.line)
            panel.plot(curve.x[axis], scaled(curve.accuracy, unit), line, color=look.colour, lw=width, alpha=opacity)
        highest = max((float(curve.accuracy.max()) for curve in seeds), default=0.0)
    if mean is not None:
        panel.plot(mean.x[axis], scaled(mean.accuracy, unit), look.line, color=look.colour, lw=2.6, zorder=3)
    return highest


def _is_crowded(curves: dict[str, ArmCurves]) -> bool:
    return any(len(arm.seeds) > _MOST_LINES for arm in curves.values())


def _scaled_axis(panel: Axes, unit: str) -> None:
    """One prefix for all of an axis's numbers, in its label: ``Training FLOPs (T)`` instead of 800G beside 1.6T."""
    power = max(0, min(6, int(np.log10(max(1.0, panel.dataLim.x1)) // 3)))
    panel.set_xlabel(f"Training {('', 'k', 'M', 'G', 'T', 'P', 'E')[power]}{unit}")
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 1000**power:g}"))
