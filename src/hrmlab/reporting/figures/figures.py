"""The report's figures: where halting stops and results by rating are drawn here, learning curves and depths beside."""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from hrmlab.core.progress import progress_bar
from hrmlab.reporting import text
from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.reporting.compare.failures import TaskFailures
from hrmlab.reporting.compare.leaks import caption_names, legend_label
from hrmlab.reporting.compare.ratings import rating_bins, rating_counts, rating_name
from hrmlab.reporting.compare.results import TaskResults
from hrmlab.reporting.figures.depth_figure import draw_depths
from hrmlab.reporting.figures.drawing import (
    STYLE,
    Look,
    Picture,
    as_picture,
    clip,
    draw_intervals,
    finish,
    label_rows,
    looks,
    make_panels,
    unit_axis,
    unit_words,
)
from hrmlab.reporting.figures.failure_figure import draw_failures
from hrmlab.reporting.figures.learning import draw_learning
from hrmlab.reporting.figures.practice_figure import draw_practice
from hrmlab.reporting.figures.profiles import draw_profiles
from hrmlab.reporting.figures.result_figure import draw_result
from hrmlab.reporting.figures.segments_figure import draw_segments
from hrmlab.reporting.figures.size_figure import draw_sizes


def draw(study: Study, shown: Sequence[TaskResults], failures: Sequence[TaskFailures] = ()) -> list[Picture]:
    """All figures that the runs give material for.

    Args:
        shown: the results of every task, for the first figure.
        failures: test examples that one of two arms alone solves, as pictures.
    """
    if not study.runs:
        return []
    style = looks(study.arms)
    drawings: list[Callable[[], Sequence[Picture | None]]] = [
        lambda: [draw_result(study, shown, style)],
        *(lambda one=one: [one(study, style)] for one in (draw_sizes, draw_profiles, draw_practice)),
        *(lambda task=task: draw_learning(task, style) for task in study.tasks),
        *(lambda one=one: [one(study, style)] for one in (draw_segments, _halting, draw_depths, _ratings)),
        *(lambda item=item, place=place: [draw_failures(item, place)] for place, item in enumerate(failures)),
    ]
    found: list[Picture | None] = []
    with rc_context(STYLE), progress_bar("drawing figures", len(drawings), shown=True) as advance:
        for drawing in drawings:
            found += drawing()
            advance(1)
    return [picture for picture in found if picture is not None]


def _halting(study: Study, style: dict[str, Look]) -> Picture | None:
    shown: list[tuple[TaskRuns, dict[str, np.ndarray]]] = []
    for task in study.tasks:
        shares = {arm: share for arm in task.arms if (share := _segment_shares(task, arm)) is not None}
        if task.halts and any(len(share) > 1 for share in shares.values()):
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
    if any(run.predicts_next_token for task, _ in shown for run in task):
        caption += " Where the next token is predicted, the segments of an example are the mean over its tokens, rounded."
    caption += f" Not drawn, because one segment is all it ever uses: {caption_names(study.tasks, left_out)}." if left_out else ""
    shows = "Histogram of segments used under learned halting"
    return as_picture(figure, stem="halting", topic="halting", shows=shows, caption=caption)


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
    shown = [(task, limits, by_arm) for task, limits, by_arm in found if limits]
    if not shown:
        return None
    figure, panels = make_panels(len(shown), width=5.6, height=4.1)
    drawn: dict[str, None] = {}
    for panel, (task, limits, by_arm) in zip(panels, shown, strict=True):
        highest, unit = 0.0, task.measure.unit
        for place, (arm, estimates) in enumerate(by_arm.items()):
            look = style[arm]
            drawn[arm] = None
            places = np.array([i for i, estimate in enumerate(estimates) if estimate]) + 0.08 * (place - (len(by_arm) - 1) / 2)
            known = [estimate for estimate in estimates if estimate]
            values = np.array([estimate.value for estimate in known])
            low = np.array([clip(estimate.low, unit) if estimate.low is not None else estimate.value for estimate in known])
            high = np.array([clip(estimate.high, unit) if estimate.high is not None else estimate.value for estimate in known])
            highest = max(highest, float(high.max(initial=0.0)))
            draw_intervals(panel, places, (low, values, high), look, unit)
        panel.set_title(task.label)
        counts = [f"\nn = {number:,}" if number is not None else "" for number in rating_counts(task)]
        names = [rating_name(low, high).replace(" to ", "–") + said for (low, high), said in zip(limits, counts, strict=False)]
        panel.set_xticks(range(len(limits)), names)
        panel.set_xlabel(f"{text.sentence_case(task.words.rating)} (quantiles, easy to hard)")
        panel.grid(axis="x", visible=False)
        unit_axis(panel, highest, unit)
    measured = " / ".join(dict.fromkeys(f"{task.measure.wording}{unit_words(task.measure.unit)}" for task, *_ in shown))
    label_rows(panels, f"Test {measured}")
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
    caption = "Mean over seeds in each quantile of the rating; bars are 95 % intervals for new seeds and new examples."
    shows = f"Test {measured.partition(' (')[0]} by rating quantile"
    return as_picture(figure, stem="rating", topic="difficulty", shows=shows, caption=caption)
