"""The first table: arms x tasks, what counts there, and the difference to the baseline."""

from hrmlab.reporting import text
from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.reporting.compare import scores
from hrmlab.reporting.compare.comparisons import Comparison
from hrmlab.reporting.compare.finished import Finished, by_arm
from hrmlab.reporting.compare.leaks import MARK
from hrmlab.reporting.compare.trivial import trivial_level
from hrmlab.reporting.layout import Table
from hrmlab.statistics.intervals import Estimate


def main_table(study: Study, comparisons: tuple[Comparison, ...], states: tuple[Finished, ...] = ()) -> Table:
    """Arms x tasks: the measure that counts with its interval, the difference to the baseline with its interval, the number of seeds.

    Args:
        states: of the arms; one that has not finished is marked beside its number.
    """
    unfinished = {key: f" {item.mark}" for key, item in by_arm(states).items() if item.mark}
    to_baseline = {(item.task, item.arm): item for item in comparisons if item.opponent == study.baseline}
    rows = []
    for arm in study.arms:
        cells = [_cell(task, arm, to_baseline.get((task.label, arm)), unfinished.get((task.label, arm), "")) for task in study.tasks]
        rows.append((f"`{arm}`" + (" (baseline)" if arm == study.baseline else ""), *cells))
    if any(trivial_level(task) is not None for task in study.tasks):
        rows.append(("trivial baseline", *(text.level(trivial_level(task), task.measure.unit, named=True) for task in study.tasks)))
    names = scores.task_names(study)
    return Table(("Arm", *(scores.named_task(task.label, names) for task in study.tasks)), tuple(rows))


def _cell(task: TaskRuns, arm: str, compared: Comparison | None, unfinished: str) -> str:
    measure, runs, mark = task.measure, task.runs(arm), f" {MARK}" if task.leaks(arm) else ""
    estimate = scores.on_test(runs, measure)
    if estimate is None:
        return f"no {measure.wording} recorded{mark}" if runs else "no completed run"
    cell = f"**{text.level(estimate.value, measure.unit, named=True)}**{_interval(estimate, task)}{unfinished}{mark}"
    if compared is not None and compared.estimate is not None:
        difference = compared.estimate
        cell += f"<br>{text.difference(difference.value, measure.unit)}{text.difference_unit(measure.unit)}"
        cell += f" {text.difference_interval(difference.low, difference.high, measure.unit)}" if difference.low is not None else ""
        cell += f" ({MARK})" if compared.leaking else ""
    basis = {"examples": ", interval from test examples only", "seeds": ", interval from seeds only"}.get(estimate.basis, "")
    shown = f"{cell}<br>{text.plural(estimate.count, 'seed')}{basis if estimate.low is not None else ''}"
    return text.Number(shown, text.level(estimate.value, measure.unit).value)


def _interval(estimate: Estimate, task: TaskRuns) -> str:
    if estimate.groups is not None:
        found, unit = estimate.groups, task.measure.unit
        lower, upper = text.level(found.lower_level, unit), text.level(found.upper_level, unit)
        return f"<br>two groups: {text.plural(found.lower, 'seed')} at {lower}, {found.upper} at {upper}"
    return f" {text.level_interval(estimate, task.measure.unit)}" if estimate.low is not None else ""
