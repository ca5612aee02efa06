"""Equal what? Every comparison read off the validation curves where both arms have spent the same: steps, examples, FLOPs, time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from hrmlab.core.measures import Measure
from hrmlab.reporting import text
from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.reporting.compare import pairing
from hrmlab.reporting.compare.chosen_checkpoint import best_so_far, keeps_best
from hrmlab.reporting.compare.clock import clock
from hrmlab.reporting.compare.comparisons import Comparison
from hrmlab.reporting.compare.progress import AXES, Axis, SeedCurve, followed_measure, seed_curves, validation_examples
from hrmlab.statistics import calibrated
from hrmlab.statistics.curves import common_end, read_at
from hrmlab.statistics.intervals import Estimate
from hrmlab.statistics.samples import Kind, from_levels

Agreement = Literal["keeps its sign", "flips", "undecided"]
_SHORT: dict[Axis, str] = {"steps": "steps", "examples": "examples", "flops": "FLOPs", "time": "time"}
SCHEDULE_CAVEAT = (
    "An arm that is read before its end is read at a learning rate that is still high, and is worse there than a run planned to end there "
    "would be: such a level is a lower limit."
)


@dataclass(frozen=True, kw_only=True)
class AtEqual:
    """A comparison where both arms have spent the same on one axis; ``reason`` says why there is none.

    Attributes:
        kind: the axis in words, such as ``processor time``.
        x: the smallest total of any run of the two arms on this axis, where all of them are read.
        unit: of x.
        levels: means of both arms over their common seeds.
        through: the share of their runs that both arms have behind them at x, means over seeds; 1 at the end.
        difference: arm minus opponent over the common seeds.
        caution: why the axis is not to be relied on, a clause; its sign then decides nothing.
    """

    axis: Axis
    kind: str
    x: float | None = None
    unit: str = ""
    levels: tuple[float, float] | None = None
    through: tuple[float, float] | None = None
    difference: Estimate | None = None
    caution: str = ""
    reason: str = ""

    @property
    def sign(self) -> int:
        """The sign of the difference where its interval leaves zero out, else 0."""
        found = self.difference
        if found is None or found.low is None or found.high is None or found.low <= 0 <= found.high:
            return 0
        return 1 if found.value > 0 else -1


@dataclass(frozen=True, kw_only=True)
class AcrossAxes:
    """One comparison on all four axes, on validation values of ``measure`` (None where training validated none).

    Attributes:
        best: each curve is read at its best value until there, because the checkpoint that had it met the test split.
    """

    task: str
    arm: str
    opponent: str
    measure: Measure | None
    readings: tuple[AtEqual, ...]
    best: bool = False

    @property
    def relied_on(self) -> tuple[AtEqual, ...]:
        """The readings whose sign decides."""
        return tuple(reading for reading in self.readings if reading.difference is not None and not reading.caution)

    @property
    def agreement(self) -> Agreement:
        """Whether the finding is the same on all axes on which there is one.

        "flips": beyond zero on one side on one axis, on the other on another. "keeps its sign": beyond zero on the same side on at least
        two axes, and on no axis a mean on the other side. All else is "undecided".
        """
        signs = [reading.sign for reading in self.relied_on if reading.sign]
        if len(set(signs)) > 1:
            return "flips"
        against = any(reading.difference.value * signs[0] < 0 for reading in self.relied_on if reading.difference and signs)
        return "keeps its sign" if len(signs) > 1 and not against else "undecided"

    def side(self, sign: int) -> str:
        """``better`` or ``worse``, of the arm, for a difference of this sign."""
        assert self.measure is not None
        return "better" if (sign > 0) == self.measure.larger_is_better else "worse"

    @property
    def statement(self) -> str:
        """The agreement in words, with the axes that it rests on."""
        by_sign = {sign: [_SHORT[reading.axis] for reading in self.relied_on if reading.sign == sign] for sign in (1, -1)}
        said = [f"{self.side(sign)} at equal {text.listing(axes)}" for sign, axes in by_sign.items() if axes]
        means = [reading.difference.value for reading in self.relied_on if reading.difference]
        both = ", the means on both sides of zero" if means and self.agreement == "undecided" and min(means) < 0 < max(means) else ""
        return f"{self.agreement}: {'; '.join(said) or 'beyond its interval on no axis'}{both}"


def amount(x: float, unit: str) -> str:
    """A place on an axis: ``36.6 k``, ``2.46 TFLOPs``, ``119 s``."""
    if unit == "s":
        return text.duration(x)
    return text.quantity(x, "FLOPs") if unit == "FLOPs" else text.quantity(x)


def across_axes(study: Study, comparisons: Iterable[Comparison]) -> tuple[AcrossAxes, ...]:
    """Every comparison between arms that do not leak on every axis."""
    tasks = {task.label: task for task in study.tasks}
    asked = [item for item in comparisons if not item.leaking and {item.arm, item.opponent} <= set(tasks[item.task].arms)]
    return tuple(_across(tasks[item.task], item.arm, item.opponent) for item in asked)


def _across(task: TaskRuns, arm: str, opponent: str) -> AcrossAxes:
    measure, both = followed_measure(task), [*task.runs(arm), *task.runs(opponent)]
    time = clock(both)
    kinds: dict[Axis, str] = {**_SHORT, "time": time.kind}
    units: dict[Axis, str] = {**_SHORT, "time": "s"}
    if measure is None:
        missing = tuple(AtEqual(axis=axis, kind=kinds[axis], reason="training validated nothing that could count") for axis in AXES)
        return AcrossAxes(task=task.label, arm=arm, opponent=opponent, measure=None, readings=missing)
    curves = [seed_curves(task.runs(name), f"val/{measure.name}", time) for name in (arm, opponent)]
    if best := keeps_best(task, both, measure):
        curves = [{seed: best_so_far(curve, measure) for seed, curve in of_arm.items()} for of_arm in curves]
    counts = [count for run in both if (count := validation_examples(run))]
    kind, examples = pairing.kind_of(measure), int(min(counts)) if counts else None
    readings = []
    for axis in AXES:
        found = _at_equal(axis, kinds[axis], units[axis], (arm, opponent), curves, kind, examples)
        readings.append(replace(found, caution=time.caution) if axis == "time" else found)
    return AcrossAxes(task=task.label, arm=arm, opponent=opponent, measure=measure, readings=tuple(readings), best=best)


def _at_equal(
    axis: Axis,
    name: str,
    unit: str,
    names: tuple[str, str],
    curves: Sequence[dict[int, SeedCurve]],
    kind: Kind,
    examples: int | None,
) -> AtEqual:
    """Both arms at the smallest total of any of their runs of common seeds."""
    seeds = sorted(set(curves[0]) & set(curves[1]))
    if not seeds:
        return AtEqual(axis=axis, kind=name, reason="no seed of which both arms have a validation curve")
    points = {(place, seed): curves[place][seed].on(axis) for seed in seeds for place in (0, 1)}
    lacking = [names[place] for (place, _), (x, _) in points.items() if not len(x)]
    if lacking:
        return AtEqual(axis=axis, kind=name, reason=f"{name} not recorded for {text.listing(list(dict.fromkeys(lacking)))}")
    ends = {key: float(x[-1]) for key, (x, _) in points.items()}
    at = common_end(list(ends.values()))
    assert at is not None
    readings = {key: read_at(x, y, at, shown=lambda place: amount(place, unit)) for key, (x, y) in points.items()}
    refused = [f"{names[place]}, seed {seed}: {found.reason}" for (place, seed), found in readings.items() if found.value is None]
    if refused:
        return AtEqual(axis=axis, kind=name, x=at, unit=unit, reason=refused[0])
    values = np.array([[readings[place, seed].value for seed in seeds] for place in (0, 1)], dtype=float)
    through = [float(np.mean([at / ends[place, seed] for seed in seeds])) for place in (0, 1)]
    return AtEqual(
        axis=axis,
        kind=name,
        x=at,
        unit=unit,
        levels=(float(values[0].mean()), float(values[1].mean())),
        through=(through[0], through[1]),
        difference=_difference(values[0], values[1], kind, examples, label=f"{axis} {names[0]} {names[1]}"),
    )


def _difference(arm: np.ndarray, opponent: np.ndarray, kind: Kind, examples: int | None, *, label: str) -> Estimate | None:
    """The difference of (seeds,) validation values of either arm, with the interval of the verdict; the one place where it is chosen.

    Of validations no outcomes of single examples are kept, so that examples cannot be paired: all that a share can vary over them is in it.
    """
    samples = [from_levels(values.tolist(), kind=kind, examples=examples) for values in (arm, opponent)]
    if samples[0] is None or samples[1] is None:
        return None
    named = (f"{value:.9f}" for value in (*arm, *opponent))
    return calibrated.difference(samples[0], samples[1], random=pairing.named_random(label, *named)).estimate
