"""Which trial of a search is best: by the validation split, and by no more than its examples can tell."""

import math
from collections.abc import Sequence

import numpy as np

from hrmlab.core.measures import Measure
from hrmlab.reporting.collect.records import RunRecord

SELECTION = (
    "the best value on the validation split of the measure that counts, of the checkpoint that the run's rule takes (training.evaluate), "
    "as a mean over the tuning seeds; trials that this split cannot tell from the best (less than one standard error of a difference) are "
    "told apart by the further measures in their order, in the same way; of those that remain equal, the best value, then the best mean of "
    "the validation curve"
)


def score(records: Sequence[RunRecord]) -> float | None:
    """The mean over a trial's runs of the validation value that counts; None where one has none."""
    return _mean(records, records[0].measure) if records else None


def all_levels(records: Sequence[RunRecord]) -> dict[str, float]:
    """Declared measure -> mean of its validation values over a trial's runs, as far as all of them have it."""
    means = {measure.name: _mean(records, measure) for measure in records[0].declared.measures}
    return {name: mean for name, mean in means.items() if mean is not None}


def best(trials: Sequence[Sequence[RunRecord]]) -> int | None:
    """The place of the best trial, each given by its runs; None where none has a score.

    A difference of two answers among 500 is chance, and the same chance for every arm: a trial is put aside by a measure only where it is
    worse than the best by a standard error of their difference.
    """
    remaining = [place for place, records in enumerate(trials) if score(records) is not None]
    if not remaining:
        return None
    declared = trials[remaining[0]][0]
    measures = [declared.measure, *(measure for measure in declared.declared.measures if measure != declared.measure)]
    levels = {place: [_level(trials[place], measure) for measure in measures] for place in remaining}
    for column, measure in enumerate(measures):
        known = {place: levels[place][column] for place in remaining}
        top = max(known.values())
        remaining = [place for place in remaining if known[place] >= top - _tolerance(trials[place], measure, abs(top), abs(known[place]))]
    return max(remaining, key=lambda place: (levels[place][0], _curve(trials[place]), *levels[place][1:], -place))


def _values(records: Sequence[RunRecord], measure: Measure) -> list[float]:
    """The validation values of the runs that have one."""
    found = ((record.summary.get("validation") or {}).get(measure.name) for record in records)
    return [float(value) for value in found if isinstance(value, (int, float))]


def _mean(records: Sequence[RunRecord], measure: Measure) -> float | None:
    """Over all runs; None where one has no value."""
    values = _values(records, measure)
    return float(np.mean(values)) if values and len(values) == len(records) else None


def _level(records: Sequence[RunRecord], measure: Measure) -> float:
    """Mean over the runs that have the measure, larger is better; one that no run has tells nothing."""
    values = _values(records, measure)
    return (1.0 if measure.larger_is_better else -1.0) * float(np.mean(values)) if values else 0.0


def _tolerance(records: Sequence[RunRecord], measure: Measure, one: float, other: float) -> float:
    """One standard error of the difference of two shares over the validation examples; 0 for what is no share or where they are unknown."""
    examples = [((record.data.get("splits") or {}).get("validation") or {}).get("count") for record in records]
    count = sum(known for known in examples if isinstance(known, int))
    if measure.unit != "share" or not count:
        return 0.0
    middles = [(level * count + 1) / (count + 2) for level in (one, other)]  # as though one more example were right and one wrong
    return math.sqrt(sum(middle * (1 - middle) for middle in middles) / count)


def _curve(records: Sequence[RunRecord]) -> float:
    """The mean of the validation curve, over runs, larger is better: which of two equal trials learned earlier."""
    curves = [record.curves.get(f"val/{record.measure.name}") for record in records]
    sign = 1.0 if records[0].measure.larger_is_better else -1.0
    return sign * float(np.mean([curve.values.mean() if curve is not None else 0.0 for curve in curves]))
