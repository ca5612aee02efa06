"""The figure of test-time compute: exact accuracy against segments at inference, the cap of training marked."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

from hrmlab.reporting import text
from hrmlab.reporting.collect.study import Study
from hrmlab.reporting.compare.leaks import caption_names, legend_label
from hrmlab.reporting.compare.segments import segment_curves, segment_wording
from hrmlab.reporting.figures.drawing import Look, Picture, as_picture, finish, label_rows, make_panels, scaled, unit_axis

_MOST_MARKS = 16


def draw_segments(study: Study, style: dict[str, Look]) -> Picture | None:
    """One panel for each task on which an arm has more than one segment; None without any."""
    shown = segment_curves(study)
    if not shown:
        return None
    figure, panels = make_panels(len(shown), width=5.6, height=3.9)
    drawn: dict[str, None] = {}
    for panel, (task, curves) in zip(panels, shown, strict=True):
        highest, longest = 0.0, max(len(curve.estimates) for curve in curves.values())
        for arm, curve in curves.items():
            drawn[arm], look = None, style[arm]
            x = np.arange(1, len(curve.estimates) + 1)
            levels = np.array([estimate.value for estimate in curve.estimates])
            low = np.array([estimate.value if estimate.low is None else max(0.0, estimate.low) for estimate in curve.estimates])
            high = np.array([estimate.value if estimate.high is None else min(1.0, estimate.high) for estimate in curve.estimates])
            panel.fill_between(x, scaled(low, "share"), scaled(high, "share"), color=look.colour, alpha=0.15, lw=0)
            marker = "." if len(x) <= _MOST_MARKS else ""
            panel.plot(x, scaled(levels, "share"), look.line, color=look.colour, lw=2.0, marker=marker, ms=5)
            cap = min(curve.cap, len(x))
            panel.plot(cap, scaled(levels[cap - 1], "share"), look.marker, color=look.colour, ms=9, mfc="white", mew=1.8, zorder=4)
            highest = max(highest, float(high.max()))
        panel.set_title(task.label)
        panel.set_xlabel("Segments at inference")
        panel.set_xscale("log", base=2)
        panel.set_xlim(0.93, longest * 1.08)
        panel.xaxis.set_major_locator(FixedLocator([2**power for power in range(longest.bit_length()) if 2**power <= longest]))
        panel.xaxis.set_minor_locator(NullLocator())
        panel.xaxis.set_major_formatter(ScalarFormatter())
        unit_axis(panel, highest, "share")
    wording = segment_wording(study)
    label_rows(panels, f"Test {wording} (%)")
    tasks = [task for task, _ in shown]
    handles = [
        Line2D(
            [],
            [],
            color=style[arm].colour,
            ls=style[arm].line,
            marker=style[arm].marker,
            mfc="white",
            lw=2.0,
            label=legend_label(tasks, arm),
        )
        for arm in study.arms
        if arm in drawn
    ]
    finish(figure, handles, "Accuracy by segments at inference")
    caption = f"{text.sentence_case(wording)} on the test split when every example is stopped after so many segments: mean over seeds, "
    caption += "shaded the 95 % interval for new seeds and new examples; the open mark is the number of segments that the arm was trained "
    caption += "with."
    left_out = [arm for arm in study.arms if arm not in drawn]
    caption += f" Not drawn, because one segment is all it has: {caption_names(study.tasks, left_out)}." if left_out else ""
    shows = f"{text.sentence_case(wording)} against segments at inference"
    return as_picture(figure, stem="segments", topic="segments", shows=shows, caption=caption)
