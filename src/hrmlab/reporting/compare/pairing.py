"""Outcomes of two arms on the same test examples, seed by seed; rows that do not count in one of them are left out of both."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hrmlab.core.measures import Measure
from hrmlab.reporting.collect.records import RunRecord


@dataclass(frozen=True)
class PairedOutcomes:
    """What two networks came to on the same examples.

    Attributes:
        arm, opponent: (N,) outcomes in the same order: bool where every one is solved or not, else float64.
        examples: equal for pairs on the same examples in the same order.
    """

    arm: np.ndarray
    opponent: np.ndarray
    examples: tuple[str, bytes]


def pair_outcomes(runs: Mapping[int, tuple[RunRecord, RunRecord]], measure: Measure) -> tuple[dict[int, PairedOutcomes], str]:
    """seed -> outcomes that may be paired, and why there are none: all seeds can be paired or none is."""
    found: dict[int, PairedOutcomes] = {}
    for seed, (ours, theirs) in runs.items():
        if ours.predictions is None or theirs.predictions is None:
            return {}, f"seed {seed} lacks readable predictions"
        if ours.predictions.digest != theirs.predictions.digest:
            return {}, f"seed {seed} was tested on different examples"
        a, b = ours.outcomes(measure), theirs.outcomes(measure)
        if a is None or b is None:
            return {}, f"seed {seed} lacks the outcomes of single {ours.words.example}s"
        if measure.unit == "bits per byte" and not (_is_mean(ours, measure, a) and _is_mean(theirs, measure, b)):
            return {}, f"{measure.wording} is no mean over {ours.words.example}s"
        counts = np.isfinite(a) & np.isfinite(b)
        if not counts.any():
            return {}, f"seed {seed} has no {ours.words.example} that counts in both"
        a, b = a[counts], b[counts]
        if np.isin(a, (0.0, 1.0)).all() and np.isin(b, (0.0, 1.0)).all() and measure.unit == "share":
            a, b = a.astype(bool), b.astype(bool)
        found[seed] = PairedOutcomes(a, b, (ours.predictions.digest, counts.tobytes()))
    return found, ""


def _is_mean(run: RunRecord, measure: Measure, outcomes: np.ndarray) -> bool:
    """Bits over bytes are a ratio of sums; only where they are recorded per example as such do examples pair."""
    said = run.test(measure.name)
    return said is not None and bool(np.isclose(np.nanmean(outcomes), said, rtol=1e-4))
