"""The measure that counts by the examples' rating."""

from hrmlab.reporting import text
from hrmlab.reporting.collect.study import TaskRuns
from hrmlab.reporting.compare.ratings import rating_bins
from hrmlab.reporting.compare.scores import value_of
from hrmlab.reporting.layout import Table


def rating_table(task: TaskRuns) -> Table | None:
    """Arms x rating quantiles; None where there is nothing to show."""
    limits, by_arm = rating_bins(task)
    if not limits:
        return None
    unit = task.measure.unit
    rows = [(task.name(arm), *(text.level(value_of(estimate), unit) for estimate in estimates)) for arm, estimates in by_arm.items()]
    return Table(("Arm", *(f"{low:g} to {high:g}" for low, high in limits)), tuple(rows))
