"""The figure of learning by reward: mean reward of a step's answers, and test accuracy after each stage, over optimizer steps."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from hrmlab.reporting.collect.records import RunRecord, number
from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.reporting.compare.leaks import legend_label
from hrmlab.reporting.figures.drawing import Look, Picture, as_picture, finish, make_panels, scaled, unit_axis

REWARD = "practice/reward"


def draw_practice(study: Study, style: dict[str, Look]) -> Picture | None:
    """Two panels for each task on which an arm practised; None without any."""
    shown = [task for task in study.tasks if any(run.stages for run in task)]
    if not shown:
        return None
    figure, panels = make_panels(2 * len(shown), width=5.6, height=3.9, in_a_row=2)
    marked = False
    for place, task in enumerate(shown):
        rewards, accuracy = panels[2 * place : 2 * place + 2]
        highest = 0.0
        for arm in task.arms:
            runs = [run for run in task.runs(arm) if run.stages]
            highest = max(highest, *(_draw(rewards, accuracy, run, style[arm], alone=len(runs) == 1) for run in runs), 0.0)
            _draw_mean(rewards, accuracy, runs, style[arm])
        marked |= _mark_stages(rewards, task)
        for panel in (rewards, accuracy):
            panel.set_xlabel("Optimizer steps, the warm-up's included")
        rewards.set_title(f"{task.label}: reward")
        rewards.set_ylabel("Mean reward of sampled answers")
        accuracy.set_title(f"{task.label}: {task.measure.wording}")
        accuracy.set_ylabel(f"Test {task.measure.wording} (%)")
        unit_axis(accuracy, highest, "share")
    drawn = [arm for arm in study.arms if any(run.stages for task in shown for run in task.runs(arm))]
    handles = [Line2D([], [], color=style[arm].colour, ls=style[arm].line, lw=2.4, label=legend_label(shown, arm)) for arm in drawn]
    finish(figure, handles, "Learning by reward")
    parted = ", and dotted lines part the stages where all runs change them at the same step" if marked else ""
    caption = f"Left: mean reward of the answers that were sampled in practice; its scale is each stage's own{parted}. "
    caption += "Right: answers to the test split after the warm-up and after each stage. Bold: mean over seeds; thin: one seed each."
    return as_picture(figure, stem="practice", topic="practice", shows="Rewards in practice and accuracy after each stage", caption=caption)


def _draw(rewards: Axes, accuracy: Axes, run: RunRecord, look: Look, *, alone: bool) -> float:
    """One seed; the highest accuracy."""
    width, opacity = (2.4, 1.0) if alone else (0.9, 0.45)
    if (curve := run.curves.get(REWARD)) is not None:
        rewards.plot(curve.steps, curve.values, look.line if alone else "-", color=look.colour, lw=width, alpha=opacity)
    steps, levels = _accuracies(run)
    accuracy.plot(steps, scaled(levels, "share"), look.line if alone else "-", color=look.colour, lw=width, alpha=opacity, marker=".")
    return float(levels.max(initial=0.0))


def _draw_mean(rewards: Axes, accuracy: Axes, runs: list[RunRecord], look: Look) -> None:
    """The mean of an arm's seeds, where all of them were measured at the same steps."""
    if len(runs) < 2:
        return
    curves = [run.curves.get(REWARD) for run in runs]
    known = [curve for curve in curves if curve is not None]
    if len(known) == len(runs) and all(np.array_equal(curve.steps, known[0].steps) for curve in known):
        rewards.plot(known[0].steps, np.mean([curve.values for curve in known], axis=0), look.line, color=look.colour, lw=2.4, zorder=3)
    points = [_accuracies(run) for run in runs]
    if all(np.array_equal(steps, points[0][0]) for steps, _ in points):
        mean = np.mean([levels for _, levels in points], axis=0)
        accuracy.plot(points[0][0], scaled(mean, "share"), look.line, color=look.colour, lw=2.4, marker=look.marker, mfc="white", zorder=3)


def _accuracies(run: RunRecord) -> tuple[np.ndarray, np.ndarray]:
    found = [
        (number(stage.get("last_step")), number(((stage.get("tests") or {}).get(run.declared.test_name) or {}).get("accuracy")))
        for stage in run.stages
    ]
    known = [(step, level) for step, level in found if step is not None and level is not None]
    return np.array([step for step, _ in known]), np.array([level for _, level in known])


def _mark_stages(panel: Axes, task: TaskRuns) -> bool:
    """Where one stage ends and the next begins, as far as all runs agree; whether any such place is drawn."""
    ends = {tuple(number(stage.get("last_step")) or 0.0 for stage in run.stages) for run in task if run.stages}
    between = next(iter(ends))[1:-1] if len(ends) == 1 else ()
    for end in between:
        panel.axvline(end, color="#888888", lw=0.9, ls=(0, (1, 2)))
    return bool(between)
