"""Who looks at whom: attention of the first and last block at every state's last update, in the segments whose maps were kept."""

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes

from hrmlab.core.trace import CycleTrace
from hrmlab.reporting.figures.drawing import STYLE, as_png, finish, make_panels
from hrmlab.reporting.figures.traced.seen import Seen

_SHOWN = 0.995
"""Of the weights of a map, which part the colours tell apart."""


def draw_attention(seen: Seen) -> bytes | None:
    """A PNG: a row of maps for each kept segment, of each state's last update, averaged over heads; None where no map was kept."""
    kept = []
    for segment in seen.trace.segments:
        last = {cycle.name: cycle for cycle in segment.cycles if cycle.attention}
        if last:
            kept.append((segment.number, [map_ for cycle in last.values() for map_ in _first_and_last(cycle)]))
    if not kept:
        return None
    with rc_context({**STYLE, "axes.grid": False}):
        columns = len(kept[0][1])
        figure, panels = make_panels(columns * len(kept), width=3.6, height=3.7, in_a_row=columns)
        places = iter(panels)
        for number, maps in kept:
            for name, weights in maps:
                panel = next(places)
                # A first token that can see only itself has all its weight there, which would leave nothing of the other colours.
                highest = float(np.quantile(weights, _SHOWN))
                image = panel.imshow(weights, cmap="Blues", vmin=0.0, vmax=highest, interpolation="nearest")
                panel.set_title(f"segment {number}, {name}", fontsize=10)
                _label(panel, seen, weights.shape)
                figure.colorbar(image, ax=panel, shrink=0.8, extend="max" if highest < weights.max() else "neither")
        finish(figure, [], f"{seen.title}: attention, mean over heads (each row sums to 1)")
        return as_png(figure)


def _first_and_last(cycle: CycleTrace) -> list[tuple[str, np.ndarray]]:
    maps = [weights.mean(axis=0) for weights in cycle.attention]
    if len(maps) == 1:
        return [(cycle.name, maps[0])]
    return [(f"{cycle.name} block 1", maps[0]), (f"{cycle.name} block {len(maps)}", maps[-1])]


def _label(panel: Axes, seen: Seen, shape: tuple[int, ...]) -> None:
    """Of a grid the rows, told apart by lines; the prefix before them."""
    prefix = seen.trace.prefix_length
    panel.set(xlabel=f"attended {seen.token}", ylabel=f"attending {seen.token}")
    if seen.grid is None or shape[1] != prefix + seen.grid[0] * seen.grid[1]:
        return
    rows, columns = seen.grid
    starts = [prefix + row * columns for row in range(rows)]
    step = -(-rows // 10)
    middles = [start + (columns - 1) / 2 for start in starts[::step]]
    names = [f"row {row + 1}" for row in range(0, rows, step)]
    panel.set_xticks(middles, names, rotation=90, fontsize=8)
    panel.set_yticks(middles, names, fontsize=8)
    panel.tick_params(length=0)
    for start in starts if rows <= 12 else []:
        if start > 0:
            panel.axvline(start - 0.5, color="#999999", lw=0.5)
            panel.axhline(start - 0.5, color="#999999", lw=0.5)
