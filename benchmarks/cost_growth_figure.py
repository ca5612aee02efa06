"""The figure of cost growth: time above, memory below, a column for each setting that was changed."""

import io
from collections.abc import Mapping

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from benchmarks.power_terms import Growth

_COLOURS = {"hrm": ("HRM", "#0072B2"), "transformer": ("transformer", "#D55E00")}
_NAMES = {"parameters": "parameters", "sequence": "positions", "cycles": "H cycles", "batch": "batch"}


def draw(times: Mapping[str, Mapping[str, Growth]], memories: Mapping[str, Mapping[str, Growth]]) -> bytes:
    """As PNG.

    Args:
        times: seconds of a step, by axis and arm.
        memories: bytes, likewise.
    """
    figure = Figure(figsize=(11, 5.6), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, len(times), sharey="row", sharex="col", squeeze=False)
    for row, (costs, unit, words) in enumerate(((times, 1.0, _seconds), (memories, 2.0**20, _size))):
        for column, (axis, growths) in enumerate(costs.items()):
            panel = panels[row][column]
            for arm, growth in growths.items():
                label, colour = _COLOURS[arm]
                panel.plot(growth.values, np.array(growth.costs) / unit, "o", ms=4, color=colour, label=label)
                places = np.geomspace(growth.values[0], growth.values[-1], 100)
                panel.plot(places, [growth.at(place) / unit for place in places], "-", lw=1.2, color=colour)
                for bend in growth.bends:
                    if growth.values[0] < bend < growth.values[-1]:
                        panel.plot([bend], [growth.at(bend) / unit], "|", ms=16, color=colour)
            panel.set_xscale("log")
            panel.set_yscale("log")
            panel.set_xticks(_ticks(growths), [_number(value) for value in _ticks(growths)])
            panel.xaxis.set_minor_locator(NullLocator())
            panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _, words=words: words(value)))
            panel.spines[["top", "right"]].set_visible(False)
            panel.grid(color="#eeeeee")
            panel.set_axisbelow(True)
            if row:
                panel.set_xlabel(_NAMES[axis])
    panels[0][0].set_title("Processor time of a training step", loc="left")
    panels[1][0].set_title("Peak of forward and backward pass", loc="left")
    panels[0][0].legend(frameon=False, loc="upper left")
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=120, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _ticks(growths: Mapping[str, Growth]) -> list[float]:
    values = next(iter(growths.values())).values
    return list(values[:: 2 if len(values) > 5 else 1])


def _number(value: float) -> str:
    return f"{value / 1e6:g}M" if value >= 1e6 else f"{value / 1e3:g}k" if value >= 1e4 else f"{value:g}"


def _seconds(value: float) -> str:
    return f"{value:g} s" if value >= 1 else f"{value * 1000:g} ms"


def _size(mebibytes: float) -> str:
    return f"{mebibytes / 1024:.3g} GiB" if mebibytes >= 1024 else f"{mebibytes:,g} MiB"
