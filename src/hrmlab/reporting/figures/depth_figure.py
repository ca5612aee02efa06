"""The figure of what counts by depth: one line for each arm on the test split, the other test sets marked."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from hrmlab.core.measures import Unit
from hrmlab.reporting import text
from hrmlab.reporting.collect.study import Study
from hrmlab.reporting.compare.depths import depth_estimates
from hrmlab.reporting.compare.leaks import legend_label
from hrmlab.reporting.figures.drawing import Look, Picture, as_picture, clip, finish, label_rows, make_panels, scaled, unit_axis, unit_words
from hrmlab.statistics.intervals import Estimate

_SET_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_SPREAD = 0.22


def draw_depths(study: Study, style: dict[str, Look]) -> Picture | None:
    """One panel for each task with depths; None without any."""
    shown = [(task, found) for task in study.tasks if (found := depth_estimates(task))]
    if not shown:
        return None
    figure, panels = make_panels(len(shown), width=9.0, height=5.0)
    sets = list(dict.fromkeys(name for _, found in shown for name in found))
    for panel, (task, found) in zip(panels, shown, strict=True):
        highest, arms = 0.0, list(task.arms)
        for name, by_arm in found.items():
            for arm, estimates in by_arm.items():
                place = (arms.index(arm) - (len(arms) - 1) / 2) / max(1, len(arms) - 1)
                marker = _SET_MARKERS[sets.index(name) % len(_SET_MARKERS)]
                place += 0.25 * sets.index(name) / max(1, len(sets) - 1)  # sets of equal depth do not hide each other
                highest = max(
                    highest, _draw(panel, estimates, style[arm], marker, _SPREAD * place, name == next(iter(found)), task.measure.unit)
                )
        panel.set_title(task.label)
        panel.set_xlabel("Depth (operations composed)")
        panel.xaxis.set_major_locator(MaxNLocator(nbins=9, integer=True))
        panel.margins(x=0.05)
        panel.grid(axis="x", visible=False)
        unit_axis(panel, highest, task.measure.unit)
    wording = " / ".join(dict.fromkeys(task.measure.wording for task, _ in shown))
    label_rows(panels, f"Test {wording}{unit_words(shown[0][0].measure.unit)}")
    tasks = [task for task, _ in shown]
    drawn = [arm for arm in study.arms if any(arm in by_arm for _, found in shown for by_arm in found.values())]
    handles = [Line2D([], [], color=style[arm].colour, ls=style[arm].line, lw=1.8, label=legend_label(tasks, arm)) for arm in drawn]
    for place, name in enumerate(sets):
        mark = _SET_MARKERS[place % len(_SET_MARKERS)]
        handles.append(Line2D([], [], color="#555555", ls="none", marker=mark, ms=6, mfc="white" if place else "#555555", label=name))
    finish(figure, handles, f"{wording} by depth")
    first = sets[0]
    caption = f"Mean over seeds; bars are 95 % intervals (of a single run over examples alone). Thick lines, filled marks: {first}"
    caption += f"; thin lines, open marks: {text.listing(sets[1:])}." if len(sets) > 1 else "."
    return as_picture(figure, stem="depth", topic="depth", shows=f"{wording} by depth", caption=caption)


def _draw(panel: Axes, estimates: dict[int, Estimate], look: Look, marker: str, offset: float, is_first: bool, unit: Unit) -> float:
    """One arm on one test set; the highest end of an interval."""
    values = np.array([estimate.value for estimate in estimates.values()])
    low = np.array([clip(e.value if e.low is None else e.low, unit) for e in estimates.values()])
    high = np.array([clip(e.value if e.high is None else e.high, unit) for e in estimates.values()])
    panel.errorbar(
        np.array(list(estimates)) + offset,
        scaled(values, unit),
        scaled(np.stack([values - low, high - values]), unit).clip(min=0.0),
        color=look.colour,
        marker=marker,
        ms=6,
        lw=1.8 if is_first else 0.9,
        capsize=3,
        elinewidth=1,
        ls=look.line,
        mfc=look.colour if is_first else "white",
    )
    return float(high.max(initial=0.0))
