"""The measure that counts by quantile of the examples' rating."""

from hrmlab.reporting.collect.records import number
from hrmlab.reporting.collect.study import TaskRuns
from hrmlab.statistics.intervals import Estimate, mean_interval


def rating_bins(task: TaskRuns) -> tuple[list[tuple[float, float]], dict[str, list[Estimate | None]]]:
    """Limits of the quantiles and, per arm, the estimate in each; both empty where none or unequal limits were recorded."""
    limits: list[tuple[float, float]] | None = None
    by_arm: dict[str, list[list[float]]] = {}
    for run in task:
        rows = [tuple(number(item.get(name)) for name in ("low", "high", task.measure.name)) for item in run.result.get("by_rating") or []]
        known = [(low, high, value) for low, high, value in rows if low is not None and high is not None and value is not None]
        if not known or len(known) < len(rows):
            continue
        here = [(low, high) for low, high, _ in known]
        if limits is not None and here != limits:
            return [], {}
        limits = here
        columns = by_arm.setdefault(run.arm, [[] for _ in here])
        for column, (_, _, value) in zip(columns, known, strict=True):
            column.append(value)
    return limits or [], {arm: [mean_interval(column) for column in columns] for arm, columns in by_arm.items()}


def rating_counts(task: TaskRuns) -> list[int | None]:
    """How many test examples each quantile holds, the fewest of any run; None where that was not recorded."""
    rows = [[number(item.get("count")) for item in run.result.get("by_rating") or []] for run in task]
    longest = max(map(len, rows), default=0)
    known = [[row[place] for row in rows if place < len(row) and row[place] is not None] for place in range(longest)]
    return [int(min(value for value in counts if value is not None)) if counts else None for counts in known]


def rating_name(low: float, high: float) -> str:
    """``6 to 7``; ``8`` where a quantile holds one value."""
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
