"""Performance profiles: on how many tasks and seeds an arm gets beyond a level."""

from matplotlib.lines import Line2D

from hrmlab.reporting.collect.study import Study
from hrmlab.reporting.compare.over_tasks import LEVELS, profiles
from hrmlab.reporting.figures.drawing import Look, Picture, as_picture, finish, make_panels


def draw_profiles(study: Study, style: dict[str, Look]) -> Picture | None:
    """One line for each arm; None with fewer than five tasks."""
    found = profiles(study)
    if not found:
        return None
    figure, (panel,) = make_panels(1, width=7.0, height=4.4)
    for arm, (share, low, high) in found.items():
        panel.fill_between(100 * LEVELS, 100 * low, 100 * high, color=style[arm].colour, alpha=0.15, lw=0)
        panel.plot(100 * LEVELS, 100 * share, style[arm].line, color=style[arm].colour, lw=2.2)
    panel.set_xlabel("Result (%)")
    panel.set_ylabel("Tasks and seeds above it (%)")
    panel.set_ylim(-2, 102)
    finish(
        figure, [Line2D([], [], color=style[arm].colour, ls=style[arm].line, lw=2.2, label=arm) for arm in found], "Performance profiles"
    )
    caption = "Share of runs, every task with equal weight, whose result is above the level; bands are 95 % intervals over seeds."
    return as_picture(figure, stem="profiles", topic="tasks", shows="Performance profiles of every arm", caption=caption)
