"""The report's first figure: every arm's seeds and mean on every task, and beside them the differences to the baseline."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hrmlab.core.measures import Unit
from hrmlab.reporting import text
from hrmlab.reporting.collect.study import Study
from hrmlab.reporting.compare.results import ArmResult, TaskResults
from hrmlab.reporting.figures.drawing import Look, Picture, as_picture, clip, scaled, unit_words
from hrmlab.statistics.intervals import Estimate

_WIDTH, _ROW, _AROUND = 8.4, 0.4, 0.95
"""Inches: of the figure, of an arm's row, and of what stands above and below the rows of a task."""


def draw_result(study: Study, shown: Sequence[TaskResults], style: dict[str, Look]) -> Picture | None:
    """One row of panels for each task: levels, and differences where there are any; None without a result."""
    if not shown:
        return None
    compared = any(task.compared for task in shown)
    rows = [max(1, sum(text.wrapped(arm.arm).count("\n") for arm in task.arms) // 2 + len(task.arms)) for task in shown]
    figure = Figure(figsize=(_WIDTH, sum(_ROW * number + _AROUND for number in rows)))
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(
        len(shown),
        2 if compared else 1,
        height_ratios=[_ROW * number + _AROUND for number in rows],
        width_ratios=[3, 2] if compared else [1],
    )
    for place, task in enumerate(shown):
        panel = figure.add_subplot(grid[place, 0])
        _draw_levels(panel, task, style, study.baseline)
        if task.compared:
            _draw_differences(figure.add_subplot(grid[place, 1], sharey=panel), task, style, study.baseline)
    caption = "Hollow marks: one seed each. Filled marks and bars: mean over seeds with its 95 % interval; of a single seed over test "
    caption += "examples."
    if compared:
        caption += f" Right: difference to `{study.baseline}`; an interval that leaves out 0 speaks of this comparison alone, before "
        caption += "correction."
    names = text.listing(list(dict.fromkeys(task.measure.wording for task in shown)))
    return as_picture(figure, stem="result", topic="result", shows=f"Test {names} of every arm on every task", caption=caption)


def _draw_levels(panel: Axes, task: TaskResults, style: dict[str, Look], baseline: str | None) -> None:
    unit = task.measure.unit
    for row, arm in enumerate(task.arms):
        look = style[arm.arm]
        values = [scaled(value, unit) for value in arm.seeds.values()]
        if len(values) > 1:
            panel.plot(values, [row - 0.22] * len(values), "o", ms=4.5, mfc="none", mec=look.colour, mew=1.1, clip_on=False, zorder=4)
        _draw_estimate(panel, arm.level, row, look, unit, within=True)
    if task.trivial is not None:
        panel.axvline(scaled(task.trivial, unit), color="#555555", lw=1.2, ls=(0, (1, 1)), label="trivial baseline")
    panel.set_yticks(range(len(task.arms)), [_row_name(arm, baseline) for arm in task.arms])
    panel.set_ylim(len(task.arms) - 0.4, -0.6)
    _finish_panel(panel)
    if unit == "share":
        panel.set_xlim(left=0)
    panel.set_title(task.label, loc="left", fontweight="bold")
    better = "" if task.measure.larger_is_better else ", lower is better"
    panel.set_xlabel(f"{text.sentence_case(task.measure.wording)}{unit_words(unit)}{better}")


def _draw_differences(panel: Axes, task: TaskResults, style: dict[str, Look], baseline: str | None) -> None:
    unit = task.measure.unit
    panel.axvline(0, color="#555555", lw=1.2)
    for row, arm in enumerate(task.arms):
        if arm.difference is not None:
            _draw_estimate(panel, arm.difference, row, style[arm.arm], unit, within=False)
    panel.tick_params(labelleft=False)
    _finish_panel(panel)
    words = text.difference_unit(unit).strip()
    panel.set_xlabel(f"Difference to {text.wrapped(str(baseline), width=22)}{f' ({words})' if words else ''}")


def _draw_estimate(panel: Axes, estimate: Estimate, row: int, look: Look, unit: Unit, *, within: bool) -> None:
    """Mean and interval; a share's interval ends where shares can be, a difference's where differences of shares can be."""
    value = scaled(estimate.value, unit)
    if estimate.low is not None and estimate.high is not None:
        low, high = (clip(estimate.low, unit), clip(estimate.high, unit)) if within else (estimate.low, estimate.high)
        if not within and unit == "share":
            low, high = max(-1.0, low), min(1.0, high)
        ends = [scaled(low, unit), scaled(high, unit)]
        panel.plot(ends, [row, row], "|-", color=look.colour, lw=2.2, ms=9, mew=1.6, solid_capstyle="butt", clip_on=False)
    panel.plot(value, row, look.marker, color=look.colour, ms=8, zorder=5, clip_on=False)


def _row_name(arm: ArmResult, baseline: str | None) -> str:
    said = text.wrapped(arm.arm + (" (baseline)" if arm.arm == baseline else ""))
    return f"{said} LEAKS" if arm.leaks else said


def _finish_panel(panel: Axes) -> None:
    panel.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    panel.margins(x=0.04)
    panel.grid(axis="y", visible=False)
    panel.tick_params(axis="y", length=0)
    panel.spines["left"].set_visible(False)
