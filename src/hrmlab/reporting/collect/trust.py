"""Whether a run's record may be believed: its mark, its digests, and that its summary says what its predictions say."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import numpy as np

from hrmlab.core.errors import UserError
from hrmlab.core.measures import Measure
from hrmlab.reporting.collect.series import Predictions
from hrmlab.runs.directory import RunDirectory

_EXACT, _MEASURED = 1e-6, 1e-4


class NotVerified(UserError):  # noqa: N818 - reads as what it is
    """A record contradicts itself: the run does not count."""


def check_mark(run: RunDirectory) -> str:
    """When the run was completed.

    Raises:
        NotVerified: COMPLETED holds no time, or files are not those that it has the digests of.
    """
    try:
        completed = run.completed
        datetime.fromisoformat(completed)
    except (ValueError, TypeError):
        raise NotVerified("COMPLETED does not hold the time at which the run was completed, so nothing shows that it was") from None
    sentences = run.verify()
    if sentences:
        raise NotVerified("; ".join(sentences[:3]) + (f" and {len(sentences) - 3} more" if len(sentences) > 3 else ""))
    return completed


def check_values(summary: dict[str, Any], measures: Iterable[Measure], counts: Measure, problems: list[str]) -> None:
    """Take values that cannot be out of the results: shares outside 0 to 1, and what is no number.

    Raises:
        NotVerified: it is the measure that counts on the test split, which is what the run is there for.
    """
    results = {"test": summary["test"], "validation": summary.get("validation") or {}, **(summary.get("other_tests") or {})}
    for place, result in results.items():
        for measure in measures:
            for name in (measure.name, f"halting/{measure.name}"):
                value = result.get(name)
                if value is None or _possible(value, measure):
                    continue
                said = f"summary.json says {place} {measure.wording if name == measure.name else name} {value!r}, "
                said += "which is no share between 0 and 1" if measure.unit == "share" else "which is no number"
                if place == "test" and name == counts.name:
                    raise NotVerified(said)
                problems.append(f"{said}; it was left out")
                del result[name]
            interval = result.get(f"{measure.name}_interval")
            ends = interval if isinstance(interval, list) and len(interval) == 2 else None
            if interval is not None and (ends is None or not all(_possible(end, measure) for end in ends) or ends[0] > ends[1]):
                problems.append(f"summary.json holds no interval of {place} {measure.wording} but {interval!r}; it was left out")
                del result[f"{measure.name}_interval"]


def _possible(value: Any, measure: Measure) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and (measure.unit != "share" or -_EXACT <= value <= 1 + _EXACT)


def check_outcomes(
    result: dict[str, Any], predictions: Predictions | None, measures: Iterable[Measure], counts: Measure, problems: list[str]
) -> None:
    """Hold the test result against the outcomes of its examples; what they contradict is taken out.

    Raises:
        NotVerified: they contradict the measure that counts.
    """
    for measure in measures:
        said = result.get(measure.name)
        outcomes = predictions.outcomes(measure.column) if predictions is not None else None
        if said is None or outcomes is None or not _is_mean(result, measure):
            continue
        known = outcomes[np.isfinite(outcomes)]
        if not len(known):
            continue
        mean = float(known.mean())
        tolerance = _EXACT if np.isin(known, (0.0, 1.0)).all() else _MEASURED * max(1.0, abs(mean))
        if abs(mean - said) <= tolerance:
            continue
        sentence = (
            f"summary.json says test {measure.wording} {said:g}, and the mean over the {len(known)} rows of predictions.parquet is {mean:g}"
        )
        if measure.name == counts.name:
            raise NotVerified(sentence)
        problems.append(f"summary.json and predictions.parquet disagree on {measure.wording} ({said:g}, {mean:g}); it was left out")
        del result[measure.name]


def _is_mean(result: dict[str, Any], measure: Measure) -> bool:
    """Not bits over bytes, which is a ratio of sums; nor several completions of a problem, of which the outcomes hold the first."""
    return measure.unit != "bits per byte" and (result.get("sampling") or {}).get("samples") in (None, 1)
