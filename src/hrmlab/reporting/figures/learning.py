"""Learning curves of one task: a measure on the validation split over steps, examples, FLOPs and time, side by side."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, FixedLocator, FuncFormatter, MaxNLocator

from hrmlab.core.measures import CELL_ACCURACY, Measure, Unit
from hrmlab.reporting import text
from hrmlab.reporting.collect.study import TaskRuns
from hrmlab.reporting.compare.clock import clock
from hrmlab.reporting.compare.leaks import legend_label
from hrmlab.reporting.compare.progress import AXES, Axis, followed_measure, validation_measures
from hrmlab.reporting.compare.trivial import trivial_level
from hrmlab.reporting.figures.curves import ArmCurves, learning_curves
from hrmlab.reporting.figures.drawing import Look, Picture, as_picture, finish, label_rows, make_panels, scaled, unit_axis, unit_words

_MOST_LINES = 5
_LABELS: dict[Axis, str] = {"steps": "Optimizer steps", "examples": "Training examples drawn", "flops": "Training FLOPs"}


def draw_learning(task: TaskRuns, style: dict[str, Look]) -> list[Picture]:
    """What counts (where training does not measure that, the first declared measure that it does), and accuracy over single cells."""
    found = [_draw(task, style, measure, file, from_zero=zero) for measure, file, zero in drawn_measures(task)]
    return [picture for picture in found if picture is not None]


def drawn_measures(task: TaskRuns) -> list[tuple[Measure, str, bool]]:
    """The measures with curves: each with the beginning of its file's name, and whether its axis starts at 0."""
    followed = followed_measure(task)
    cells = next((measure for measure in validation_measures(task) if measure.name == CELL_ACCURACY.name), None)
    kinds = ((followed, "learning", True), (None if cells == followed else cells, "cells", False))
    return [(measure, file, zero) for measure, file, zero in kinds if measure is not None]


def _draw(task: TaskRuns, style: dict[str, Look], measure: Measure, file: str, *, from_zero: bool) -> Picture | None:
    """One measure over training. ``from_zero``: its axis starts at 0, where guessing is; cells start far above it."""
    curves, name, unit = learning_curves(task, f"val/{measure.name}"), measure.wording, measure.unit
    axes_names: list[Axis] = [axis for axis in AXES if any(axis in curve.x for arm in curves.values() for curve in arm.seeds)]
    if not axes_names:
        return None
    trivial = trivial_level(task) if measure.name == task.measure.name else None
    time = clock(task)
    figure, panels = make_panels(len(axes_names), width=3.7, height=3.7, in_a_row=len(axes_names))
    for panel, axis in zip(panels, axes_names, strict=True):
        highest = 0.0
        for arm, arm_curves in curves.items():
            highest = max(highest, _draw_curves(panel, axis, arm_curves, style[arm], unit))
        if trivial is not None:
            panel.axhline(scaled(trivial, unit), color="#555555", lw=1.2, ls=(0, (1, 1)))
        panel.set_xlabel(axis_label(task, axis))
        panel.xaxis.set_major_formatter(EngFormatter(sep=""))
        panel.xaxis.set_major_locator(MaxNLocator(4))
        if axis == "flops":
            _scaled_axis(panel, "FLOPs")
        if axis == "time":
            _time_axis(panel, axis_label(task, axis))
        panel.set_xlim(left=0)
        if from_zero:
            unit_axis(panel, highest, unit)
    label_rows(panels, f"Validation {name}{unit_words(unit)}")
    handles = [Line2D([], [], color=style[arm].colour, ls=style[arm].line, lw=2.6, label=legend_label([task], arm)) for arm in curves]
    if trivial is not None:
        handles.append(Line2D([], [], color="#555555", lw=1.2, ls=(0, (1, 1)), label="trivial baseline"))
    finish(figure, handles, f"Learning curves, {name}, {task.label}")
    caption = f"Validation {name} with all segments; bold: mean over seeds; thin: one seed each"
    caption += f", shaded from the lowest to the highest seed where there are more than {_MOST_LINES}" if _is_crowded(curves) else ""
    caption += ". The panels show the same values" + ("." if from_zero else "; the axis does not start at 0.")
    caption += f" The wall times are marked: {time.caution}." if time.caution and "time" in axes_names else ""
    if whole_measure := (task.measure.wording if measure.counts and measure.name != task.measure.name else ""):
        caption += f" Training does not measure {whole_measure}, so this is not {whole_measure}."
    shows = f"Learning curves of every arm on {task.label}, {name}"
    return as_picture(figure, stem=f"{file}_{task.task}_{task.size}", topic="learning", shows=shows, caption=caption, interactive=True)


def axis_label(task: TaskRuns, axis: Axis) -> str:
    """What stands on an axis, in words; of times which, and whether they are to be compared."""
    time = clock(task)
    return _LABELS.get(axis) or text.sentence_case(time.kind) + (", marked" if time.caution else "")


def _draw_curves(panel: Axes, axis: Axis, curves: ArmCurves, look: Look, unit: Unit) -> float:
    """The seeds of one arm, thin, and their mean, bold; the highest value drawn."""
    seeds = [curve for curve in curves.seeds if axis in curve.x]
    mean = curves.mean if len(seeds) > 1 and axis in curves.mean.x and len(curves.mean.values) else None
    if mean is not None and len(seeds) > _MOST_LINES:
        panel.fill_between(mean.x[axis], scaled(curves.lowest, unit), scaled(curves.highest, unit), color=look.colour, alpha=0.15, lw=0)
        highest = float(curves.highest.max())
    else:
        for curve in seeds:
            width, opacity, line = (0.9, 0.45, "-") if mean is not None else (2.2, 1.0, look.line)
            panel.plot(curve.x[axis], scaled(curve.values, unit), line, color=look.colour, lw=width, alpha=opacity)
        highest = max((float(curve.values.max()) for curve in seeds), default=0.0)
    if mean is not None:
        panel.plot(mean.x[axis], scaled(mean.values, unit), look.line, color=look.colour, lw=2.6, zorder=3)
    return highest


def _is_crowded(curves: dict[str, ArmCurves]) -> bool:
    return any(len(arm.seeds) > _MOST_LINES for arm in curves.values())


def _scaled_axis(panel: Axes, unit: str) -> None:
    """One prefix for all of an axis's numbers, in its label: ``Training FLOPs (T)`` instead of 800G beside 1.6T."""
    power = max(0, min(6, int(np.log10(max(1.0, panel.dataLim.x1)) // 3)))
    panel.set_xlabel(f"Training {('', 'k', 'M', 'G', 'T', 'P', 'E')[power]}{unit}")
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 1000**power:g}"))


def _time_axis(panel: Axes, label: str) -> None:
    """Seconds, minutes or hours, whichever suits the longest run."""
    longest = float(panel.dataLim.x1)
    unit, seconds = ("h", 3600) if longest >= 7200 else ("min", 60) if longest >= 120 else ("s", 1)
    panel.set_xlabel(f"{label} ({unit})")
    panel.xaxis.set_major_locator(FixedLocator([seconds * tick for tick in MaxNLocator(4).tick_values(0, longest / seconds)]))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / seconds:.3g}"))
