"""Where states go: their two principal components, and how far each cycle moves them."""

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from hrmlab.reporting.figures.drawing import STYLE, as_png, finish, looks, make_panels
from hrmlab.reporting.figures.traced.seen import Seen


def principal_components(states: np.ndarray, count: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Principal components of T states of any shape, from the singular values of the centred (T, N) matrix.

    Returns:
        (T, count) coordinates, each component's sign such that its largest coordinate is positive; (count,) shares of the variance.
    """
    flat = states.reshape(len(states), -1).astype(np.float64)
    centred = flat - flat.mean(axis=0)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    coordinates = np.zeros((len(states), count))
    found = min(count, len(values))
    coordinates[:, :found] = (left * values)[:, :found]
    largest = coordinates[np.abs(coordinates).argmax(axis=0), np.arange(count)]
    shares = np.zeros(count)
    if values.sum() > 0:
        shares[:found] = (values**2 / (values**2).sum())[:found]
    return coordinates * np.where(largest < 0, -1.0, 1.0), shares


def draw_states(seen: Seen) -> bytes | None:
    """A PNG: one panel of principal components for each state, and one of relative changes; None where no state has two values."""
    cycles = [(segment.number, cycle) for segment in seen.trace.segments for cycle in segment.cycles]
    names = list(dict.fromkeys(cycle.name for _, cycle in cycles))
    by_name = {name: [(number, cycle) for number, cycle in cycles if cycle.name == name] for name in names}
    moving = {name: found for name, found in by_name.items() if len(found) > 1}
    if not moving:
        return None
    with rc_context(STYLE):
        figure, panels = make_panels(len(moving) + 1, width=5.2, height=4.4, in_a_row=len(moving) + 1)
        style = looks(list(moving))
        for panel, (name, found) in zip(panels, moving.items(), strict=False):
            numbers = np.array([number for number, _ in found])
            _path(panel, np.stack([cycle.state for _, cycle in found]), numbers, name)
        last = panels[-1]
        place = {id(cycle): index for index, (_, cycle) in enumerate(cycles, start=1)}
        for name, found in moving.items():
            moved = [(place[id(cycle)], cycle.movement.change) for _, cycle in found if cycle.movement.change]
            look = style[name]
            last.plot(*zip(*moved, strict=True), color=look.colour, ls=look.line, marker=look.marker, ms=4, label=name) if moved else None
        each = len(seen.trace.segments[0].cycles)
        for segment in seen.trace.segments[1:] if each > 1 else ():
            last.axvline((segment.number - 1) * each + 0.5, color="#dddddd", lw=0.8, zorder=0)
        last.set(
            yscale="log",
            xlabel="cycle (lines: between segments)" if each > 1 else "cycle, one in each segment",
            ylabel="change / norm before",
            title="How far a cycle moves its state",
        )
        last.grid(axis="x", visible=False)
        last.xaxis.set_major_locator(MaxNLocator(integer=True))
        finish(figure, last.get_legend_handles_labels()[0], seen.title)
        return as_png(figure)


def _path(panel: Axes, states: np.ndarray, numbers: np.ndarray, name: str) -> None:
    """The values of a state in order, coloured and numbered by segment."""
    points, shares = principal_components(states)
    panel.plot(points[:, 0], points[:, 1], color="#bbbbbb", lw=1, zorder=1)
    panel.scatter(points[:, 0], points[:, 1], c=numbers, cmap="viridis", s=36, zorder=2)
    spread = np.ptp(points, axis=0).max() or 1.0
    written: list[np.ndarray] = []
    for number in dict.fromkeys(numbers.tolist()):
        point = points[np.flatnonzero(numbers == number)[-1]]
        if all(np.abs(point - other).max() > 0.06 * spread for other in written):  # numbers upon each other say nothing
            panel.annotate(f"{number}", (point[0], point[1]), xytext=(5, 5), textcoords="offset points", fontsize=9)
            written.append(point)
    panel.set_title(f"{name} (numbers: segments)")
    panel.set(xlabel=f"component 1 ({shares[0]:.0%} of variance)", ylabel=f"component 2 ({shares[1]:.0%})")
    panel.margins(0.12)
