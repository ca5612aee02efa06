"""The figure over sizes: what counts against the number of parameters, one line for each arm."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, NullFormatter

from hrmlab.core.measures import Unit
from hrmlab.reporting.collect.records import number
from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.reporting.compare import scores
from hrmlab.reporting.compare.leaks import legend_label
from hrmlab.reporting.figures.drawing import (
    Look,
    Picture,
    as_picture,
    clip,
    draw_intervals,
    finish,
    label_rows,
    make_panels,
    unit_axis,
    unit_words,
)
from hrmlab.statistics.intervals import Estimate

_Point = tuple[float, Estimate]


def draw_sizes(study: Study, style: dict[str, Look]) -> Picture | None:
    """One panel for each task that was run at several sizes; None without any."""
    by_task: dict[str, list[TaskRuns]] = {}
    for task in study.tasks:
        by_task.setdefault(task.task, []).append(task)
    shown = {name: tasks for name, tasks in by_task.items() if len(tasks) > 1}
    if not shown:
        return None
    figure, panels = make_panels(len(shown), width=5.6, height=4.1)
    for panel, (name, tasks) in zip(panels, shown.items(), strict=True):
        unit, highest = tasks[0].measure.unit, 0.0
        for arm in study.arms:
            points = sorted((point for task in tasks if (point := _point(task, arm))), key=lambda point: point[0])
            if points:
                low, high = _ends(points, unit)
                highest = max(highest, float(high.max()))
                values = np.array([estimate.value for _, estimate in points])
                draw_intervals(panel, [size for size, _ in points], (low, values, high), style[arm], unit)
        panel.set_xscale("log")
        panel.xaxis.set_major_formatter(EngFormatter(sep=""))
        panel.xaxis.set_minor_formatter(NullFormatter())
        sizes = sorted({size for task in tasks for arm in task.arms if (size := _parameters(task, arm))})
        panel.set_xticks(sorted({round(size, 1 - len(str(int(size)))) for size in sizes}))
        panel.set_title(name)
        panel.set_xlabel("Parameters")
        unit_axis(panel, highest, unit)
    measured = " / ".join(dict.fromkeys(f"{t[0].measure.wording}{unit_words(t[0].measure.unit)}" for t in shown.values()))
    label_rows(panels, f"Test {measured}")
    every = [task for tasks in shown.values() for task in tasks]
    handles = [
        Line2D([], [], color=style[arm].colour, ls=style[arm].line, marker=style[arm].marker, label=legend_label(every, arm))
        for arm in study.arms
        if any(arm in task.arms for task in every)
    ]
    finish(figure, handles, "Over sizes")
    caption = "Mean over seeds against the number of parameters; bars are 95 % intervals."
    return as_picture(figure, stem="sizes", topic="sizes", shows=f"Test {measured.partition(' (')[0]} over sizes", caption=caption)


def _point(task: TaskRuns, arm: str) -> _Point | None:
    size, estimate = _parameters(task, arm), scores.on_test(task.runs(arm), task.measure)
    return None if size is None or estimate is None else (size, estimate)


def _parameters(task: TaskRuns, arm: str) -> float | None:
    """Parameters of the arm, mean over seeds; where none were recorded, those that were asked for."""
    found = [number(run.budget.get("parameters")) or number(run.configured("size.parameters")) for run in task.runs(arm)]
    known = [value for value in found if value]
    return sum(known) / len(known) if known else None


def _ends(points: list[_Point], unit: Unit) -> tuple[np.ndarray, np.ndarray]:
    low = [clip(e.value if e.low is None else e.low, unit) for _, e in points]
    high = [clip(e.value if e.high is None else e.high, unit) for _, e in points]
    return np.array(low), np.array(high)
