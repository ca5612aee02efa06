"""The measure that counts by the examples' rating."""

from hrmlab.core.measures import Unit
from hrmlab.reporting import text
from hrmlab.reporting.collect.study import TaskRuns
from hrmlab.reporting.compare.ratings import rating_bins, rating_counts, rating_name
from hrmlab.reporting.compare.scores import value_of
from hrmlab.reporting.layout import Table
from hrmlab.statistics.intervals import Estimate


def rating_table(task: TaskRuns) -> Table | None:
    """Arms x rating quantiles; None where there is nothing to show."""
    limits, by_arm = rating_bins(task)
    if not limits:
        return None
    unit = task.measure.unit
    rows = [(task.name(arm), *(_cell(estimate, unit) for estimate in estimates)) for arm, estimates in by_arm.items()]
    counts = [f" ({text.count(number)} {task.words.example}s)" if number is not None else "" for number in rating_counts(task)]
    headings = [f"{rating_name(low, high)}{said}" for (low, high), said in zip(limits, counts, strict=False)]
    return Table(("Arm", *headings), tuple(rows))


def _cell(estimate: Estimate | None, unit: Unit) -> text.Number:
    shown = text.level(value_of(estimate), unit)
    return shown if estimate is None or estimate.low is None else text.Number(f"{shown} {text.level_interval(estimate, unit)}", shown.value)
