"""The measure that counts by quantile of the examples' rating."""

from typing import Any

from hrmlab.reporting.collect.records import number
from hrmlab.reporting.collect.study import TaskRuns
from hrmlab.reporting.compare import scores
from hrmlab.statistics.intervals import Estimate


def rating_bins(task: TaskRuns) -> tuple[list[tuple[float, float]], dict[str, list[Estimate | None]]]:
    """Limits of the quantiles and, per arm, the estimate in each; both empty where none, a single one or unequal limits were recorded."""
    return task.once("rating bins", lambda: _rating_bins(task))


def _rating_bins(task: TaskRuns) -> tuple[list[tuple[float, float]], dict[str, list[Estimate | None]]]:
    limits: list[tuple[float, float]] | None = None
    by_arm: dict[str, list[list[dict[str, Any]]]] = {}
    for run in task:
        rows = run.result.get("by_rating") or []
        if not rows or any(number(row.get(name)) is None for row in rows for name in ("low", "high", task.measure.name)):
            continue
        here = [(float(row["low"]), float(row["high"])) for row in rows]
        if limits is not None and here != limits:
            return [], {}
        limits = here
        columns = by_arm.setdefault(run.arm, [[] for _ in here])
        for column, row in zip(columns, rows, strict=True):
            column.append(row)
    if limits is None or len(limits) < 2:  # a single one is the whole split
        return [], {}
    return limits, {arm: [scores.measured(column, task.measure) for column in columns] for arm, columns in by_arm.items()}


def rating_counts(task: TaskRuns) -> list[int | None]:
    """How many test examples each quantile holds, the fewest of any run; None where that was not recorded."""
    rows = [[number(item.get("count")) for item in run.result.get("by_rating") or []] for run in task]
    longest = max(map(len, rows), default=0)
    known = [[row[place] for row in rows if place < len(row) and row[place] is not None] for place in range(longest)]
    return [int(min(value for value in counts if value is not None)) if counts else None for counts in known]


def rating_name(low: float, high: float) -> str:
    """``6 to 7``; ``8`` where a quantile holds one value."""
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
