"""Arms summed up over all tasks: interquartile mean and probability of improvement."""

from hrmlab.reporting import text
from hrmlab.reporting.collect.study import Study
from hrmlab.reporting.compare.over_tasks import improvements, interquartile_means
from hrmlab.reporting.layout import Table
from hrmlab.statistics.intervals import Estimate


def over_tasks_tables(study: Study) -> list[Table]:
    """Interquartile means, then probabilities of improvement; empty where the study has one task, or measures that are no shares."""
    means = interquartile_means(study)
    if len(means) < 2:
        return []
    tables = [Table(("Arm", "Interquartile mean"), tuple((f"`{arm}`", _cell(estimate)) for arm, estimate in means.items()))]
    pairs = [(f"`{arm}` > `{opponent}`", _cell(estimate)) for arm, opponent, estimate in improvements(study)]
    return [*tables, Table(("Comparison", "Probability of improvement"), tuple(pairs))] if pairs else tables


def _cell(estimate: Estimate) -> str:
    interval = f" {text.share_interval(estimate)}" if estimate.low is not None else ""
    return f"{text.percent(estimate.value)}{interval}"
