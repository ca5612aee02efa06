"""The figure of memory by cycles: what is kept for the backward pass, and the peak of both passes."""

import io
from collections.abc import Mapping

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

_SERIES = {  # as measured -> label, colour, line
    "full": ("full gradient", "#D55E00", "-"),
    "full_checkpointed": ("full gradient,\nwith checkpointing", "#D55E00", "--"),
    "one_step": ("one-step gradient", "#0072B2", "-"),
    "one_step_checkpointed": ("one-step gradient,\nwith checkpointing", "#0072B2", "--"),
}


def draw(kept: Mapping[str, Mapping[int, int]], peak: Mapping[str, Mapping[int, int]]) -> bytes:
    """As PNG.

    Args:
        kept: bytes kept for the backward pass, by series and number of cycles.
        peak: most bytes allocated in both passes, likewise.
    """
    cycles = sorted(kept["full"])
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 2, sharey=True)
    for panel, title, values in zip(panels, ("Kept for the backward pass", "Peak of forward and backward pass"), (kept, peak), strict=True):
        for name, (label, colour, line) in _SERIES.items():
            mebibytes = [values[name][number] / 2**20 for number in cycles]
            panel.plot(cycles, mebibytes, line, marker="o", ms=5, color=colour)
            text, end = f"{label}: {_size(mebibytes[-1])}", (cycles[-1], mebibytes[-1])
            panel.annotate(text, end, (10, 0), textcoords="offset points", va="center", color=colour, fontsize=9, annotation_clip=False)
        panel.set_title(title, loc="left")
        panel.set_xscale("log", base=2)
        panel.set_yscale("log", base=2)
        panel.set_xticks(cycles, [str(number) for number in cycles])
        panel.set_yticks([4**power for power in range(2, 7)])
        panel.set_ylim(bottom=8)
        panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _size(value)))
        panel.set_xlim(cycles[0] / 1.15, cycles[-1] * 1.15)
        panel.set_xlabel("H cycles of a segment")
        panel.tick_params(labelleft=True)
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(axis="y", color="#eeeeee")
        panel.set_axisbelow(True)
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=120, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _size(mebibytes: float) -> str:
    return f"{mebibytes / 1024:.3g} GiB" if mebibytes >= 1024 else f"{mebibytes:.3g} MiB"
