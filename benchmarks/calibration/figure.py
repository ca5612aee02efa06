"""The figure of the calibration: one dot for each cell, before and now."""

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.calibration.simulation import Cell, Outcome

_NOW, _BEFORE = "#0072B2", "#D55E00"


def draw(found: Sequence[tuple[Cell, Outcome]]) -> bytes:
    """Coverage of an arm's interval and false positives of the test by number of seeds, as PNG."""
    found = [(cell, outcome) for cell, outcome in found if not cell.is_beyond]
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    left.axhspan(93, 97, color="#dddddd", lw=0)
    right.axhspan(0, 6, color="#dddddd", lw=0)
    numbers = sorted({cell.seeds for cell, _ in found})
    jitter = np.random.default_rng(0)
    for place, seeds in enumerate(numbers):
        here = [outcome for cell, outcome in found if cell.seeds == seeds]
        series = (
            (left, -0.18, _NOW, "o", [outcome.level_covers / max(1, outcome.levels) for outcome in here]),
            (left, 0.18, _BEFORE, "^", [outcome.t_covers / outcome.repetitions for outcome in here]),
            (right, -0.18, _NOW, "o", [outcome.claims / outcome.repetitions for outcome in here]),
            (right, 0.18, _BEFORE, "^", [outcome.bootstrap_claims / outcome.repetitions for outcome in here]),
        )
        for panel, offset, colour, marker, values in series:
            across = place + offset + jitter.uniform(-0.11, 0.11, len(values))
            panel.plot(across, 100 * np.array(values), marker, color=colour, ms=4.5, alpha=0.65, mew=0)
    for panel, title in ((left, "Intervals that cover the truth (%)"), (right, "Differences found where there is none (%)")):
        panel.set_title(title, loc="left")
        panel.set_xticks(range(len(numbers)), [f"{number} seeds" for number in numbers])
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(axis="y", color="#eeeeee")
        panel.set_axisbelow(True)
    left.plot([], [], "o", color=_NOW, label="calibrated, seeds and examples")
    left.plot([], [], "^", color=_BEFORE, label="before: t over seeds")
    right.plot([], [], "o", color=_NOW, label="calibrated, seeds and examples")
    right.plot([], [], "^", color=_BEFORE, label="before: hierarchical bootstrap")
    left.legend(frameon=False, loc="lower left")
    right.legend(frameon=False, loc="upper right")
    right.set_ylim(bottom=0)
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=120, format="png", metadata={"Software": None})
    return buffer.getvalue()
