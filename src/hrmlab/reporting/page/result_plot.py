"""The first figure of report.html: places in percent of a track's width, so that one page fits a desk and a phone."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.ticker import MaxNLocator

from hrmlab.core.measures import Unit
from hrmlab.reporting import text
from hrmlab.reporting.collect.study import Study
from hrmlab.reporting.compare.results import ArmResult, TaskResults
from hrmlab.reporting.figures.drawing import clip, looks, scaled, unit_words
from hrmlab.statistics.intervals import Estimate


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A mean with its interval on a track, in percent of the track's width; ``said`` is the same in words."""

    place: float
    low: float | None
    high: float | None
    said: str


@dataclass(frozen=True, kw_only=True)
class PlotRow:
    """One arm: its name (inline Markdown), its colour, its seeds as (place, words), its level and its difference."""

    name: str
    colour: str
    dots: tuple[tuple[float, str], ...]
    level: Mark
    difference: Mark | None


@dataclass(frozen=True, kw_only=True)
class Track:
    """An axis: its label, its ticks as (place, text), and a line at no difference, or at what guessing reaches."""

    label: str
    ticks: tuple[tuple[float, str], ...]
    line: float | None


@dataclass(frozen=True, kw_only=True)
class TaskPlot:
    """All arms of one task on two tracks, the second None where nothing is compared."""

    label: str
    levels: Track
    differences: Track | None
    rows: tuple[PlotRow, ...]


def result_plots(study: Study, shown: Sequence[TaskResults]) -> list[TaskPlot]:
    """One for each task."""
    colours = {arm: look.colour for arm, look in looks(study.arms).items()}
    return [_plot(task, study.baseline, colours) for task in shown]


def _plot(task: TaskResults, baseline: str | None, colours: dict[str, str]) -> TaskPlot:
    unit = task.measure.unit
    ends = [clip(end, unit) for arm in task.arms for end in _ends(arm.level)] + [value for arm in task.arms for value in arm.seeds.values()]
    scale = _Scale([*ends, *([0.0] if unit == "share" else []), *([task.trivial] if task.trivial is not None else [])], unit)
    differences = _Scale([0.0, *(_bounded(end, unit) for arm in task.arms if arm.difference for end in _ends(arm.difference))], unit)
    better = "" if task.measure.larger_is_better else ", lower is better"
    levels = Track(
        label=f"{text.sentence_case(task.measure.wording)}{unit_words(unit)}{better}",
        ticks=scale.ticks(signed=False),
        line=None if task.trivial is None else scale.place(task.trivial),
    )
    words = text.difference_unit(unit).strip()
    beside = Track(
        label=f"Difference to `{baseline}`{f' ({words})' if words else ''}",
        ticks=differences.ticks(signed=True),
        line=differences.place(0.0),
    )
    rows = tuple(_row(arm, task, baseline, colours[arm.arm], scale, differences) for arm in task.arms)
    return TaskPlot(label=task.label, levels=levels, differences=beside if task.compared else None, rows=rows)


def _row(arm: ArmResult, task: TaskResults, baseline: str | None, colour: str, scale: "_Scale", differences: "_Scale") -> PlotRow:
    unit = task.measure.unit
    name = f"`{arm.arm}`" + (" (baseline)" if arm.arm == baseline else "") + (" **LEAKS**" if arm.leaks else "")
    dots = [(scale.place(value), f"seed {seed}: {text.level(value, unit)}") for seed, value in arm.seeds.items()]
    low, high = (None if end is None else scale.place(clip(end, unit)) for end in (arm.level.low, arm.level.high))
    interval = "" if arm.level.low is None else f" {text.level_interval(arm.level, unit)}"
    level = Mark(place=scale.place(arm.level.value), low=low, high=high, said=f"{text.level(arm.level.value, unit)}{interval}")
    return PlotRow(
        name=name, colour=colour, dots=tuple(dots) if len(dots) > 1 else (), level=level, difference=_difference(arm, unit, differences)
    )


def _difference(arm: ArmResult, unit: Unit, scale: "_Scale") -> Mark | None:
    found = arm.difference
    if found is None:
        return None
    low, high = (None if end is None else scale.place(_bounded(end, unit)) for end in (found.low, found.high))
    interval = "" if found.low is None else f" {text.difference_interval(found.low, found.high, unit)}"
    return Mark(place=scale.place(found.value), low=low, high=high, said=f"{text.difference(found.value, unit)}{interval}")


def _ends(estimate: Estimate) -> list[float]:
    return [end for end in (estimate.low, estimate.value, estimate.high) if end is not None]


def _bounded(value: float, unit: Unit) -> float:
    """A difference of shares is no more than all of it."""
    return max(-1.0, min(1.0, value)) if unit == "share" else value


class _Scale:
    """From values to percent of a track's width, with round ends."""

    def __init__(self, values: Sequence[float], unit: Unit) -> None:
        self._unit: Unit = unit
        shown = [float(scaled(value, unit)) for value in values] or [0.0]
        low, high = min(shown), max(shown)
        spread = (high - low) or max(1.0, abs(high))
        self._ticks = [float(tick) for tick in MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]).tick_values(low, low + spread)]
        self._low, self._high = min(low, self._ticks[0]), max(high, self._ticks[-1])

    def place(self, value: float) -> float:
        return round(100 * (float(scaled(value, self._unit)) - self._low) / (self._high - self._low), 2)

    def ticks(self, *, signed: bool) -> tuple[tuple[float, str], ...]:
        def said(tick: float) -> str:
            return f"{tick:{'+' if signed and tick else ''}g}".replace("-", "−")

        spread = self._high - self._low
        return tuple((round(100 * (tick - self._low) / spread, 2), said(round(tick, 10))) for tick in self._ticks)
