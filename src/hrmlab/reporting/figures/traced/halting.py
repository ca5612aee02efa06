"""When a model stops: its Q-values over the segments of one question, and over many questions after how many segments it stops."""

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from hrmlab.reporting.figures.drawing import STYLE, as_png, finish, looks, make_panels
from hrmlab.reporting.figures.traced.seen import Seen


def draw_q_values(seen: Seen) -> bytes | None:
    """A PNG: Q-values after each segment; None for a model without them."""
    with rc_context(STYLE):
        scores = {
            "halt": [segment.q_halt for segment in seen.trace.segments],
            "continue": [segment.q_continue for segment in seen.trace.segments],
        }
        known = {name: np.stack(found) for name, values in scores.items() if (found := [value for value in values if value is not None])}
        if not known:
            return None
        figure, (panel,) = make_panels(1, width=7.5, height=4.2)
        numbers, style = np.arange(1, len(seen.trace.segments) + 1), looks(list(scores))
        for name, values in known.items():
            middle = values if values.ndim == 1 else np.median(values, axis=1)
            panel.plot(numbers, middle, color=style[name].colour, ls=style[name].line, marker=style[name].marker, label=f"Q of {name}")
            if values.ndim == 2:
                low, high = np.quantile(values, (0.1, 0.9), axis=1)
                panel.fill_between(numbers, low, high, color=style[name].colour, alpha=0.15, lw=0)
        if len(known) == 1:
            panel.axhline(0.0, color="#555555", lw=1, label="stops above 0")
        _mark_segments(panel, seen)
        panel.set(xlabel="segment", ylabel="Q-value (logit)" + ("" if known["halt"].ndim == 1 else ", median and 80 % of tokens"))
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        finish(figure, panel.get_legend_handles_labels()[0], seen.title)
        return as_png(figure)


def draw_depths(segments: np.ndarray, *, cap: int, title: str, things: str, right: np.ndarray | None = None) -> bytes:
    """A PNG: how many of N examples stop after how many segments.

    Args:
        segments: (N,) whole numbers, or in causal mode means over tokens.
        cap: segments of training.
        title: what was asked of which model.
        things: what an example is called, in the plural.
        right: (N,) bool, whether the answer at halting is right; None where it is not known.
    """
    with rc_context(STYLE):
        figure, (panel,) = make_panels(1, width=7.5, height=4.2)
        whole = bool((segments == segments.round()).all())
        edges = np.arange(0.5, cap + 1) if whole else np.linspace(1, cap, 21)
        parts = {"": segments} if right is None else {"right there": segments[right], "wrong there": segments[~right]}
        style = looks(["right there", "wrong there"])
        colours = [style[name or "right there"].colour for name in parts]
        panel.hist(list(parts.values()), edges.tolist(), stacked=True, color=colours, rwidth=0.85 if whole else 1.0, label=list(parts))
        panel.axvline(float(segments.mean()), color="#000000", ls="--", lw=1.2, label=f"mean {segments.mean():.2f}")
        panel.set(xlabel=f"segments until learned halting (at most {cap})", ylabel=things, xlim=(edges[0], edges[-1]))
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.yaxis.set_major_locator(MaxNLocator(integer=True))
        panel.grid(axis="x", visible=False)
        handles, labels = panel.get_legend_handles_labels()
        finish(figure, [handle for handle, label in zip(handles, labels, strict=True) if label], title)
        return as_png(figure)


def _mark_segments(panel: Axes, seen: Seen) -> None:
    """Where learned halting stops, and where training's segments end."""
    if seen.halting_segment is not None:
        panel.axvline(seen.halting_segment, color="#000000", ls="--", lw=1.2, label=seen.halting_words)
    if len(seen.trace.segments) > seen.trace.cap:
        panel.axvline(seen.trace.cap, color="#888888", ls=":", lw=1.2, label="segments of training")
