"""The first table: arms x tasks, what counts there, and the difference to the baseline."""

from hrmlab.reporting import text
from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.reporting.compare import scores
from hrmlab.reporting.compare.comparisons import Comparison
from hrmlab.reporting.compare.leaks import MARK
from hrmlab.reporting.layout import Table


def main_table(study: Study, comparisons: tuple[Comparison, ...]) -> Table:
    """Arms x tasks: the measure that counts with its interval, the difference to the baseline with its interval, the number of seeds."""
    to_baseline = {(item.task, item.arm): item for item in comparisons if item.opponent == study.baseline}
    rows = []
    for arm in study.arms:
        cells = [_cell(task, arm, to_baseline.get((task.label, arm))) for task in study.tasks]
        rows.append((f"`{arm}`" + (" (baseline)" if arm == study.baseline else ""), *cells))
    if any(scores.chance_level(task) is not None for task in study.tasks):
        rows.append(("trivial baseline", *(text.level(scores.chance_level(task), task.measure.unit, named=True) for task in study.tasks)))
    names = scores.task_names(study)
    return Table(("Arm", *(scores.named_task(task.label, names) for task in study.tasks)), tuple(rows))


def _cell(task: TaskRuns, arm: str, compared: Comparison | None) -> str:
    measure, runs, mark = task.measure, task.runs(arm), f" {MARK}" if task.leaks(arm) else ""
    estimate = scores.on_test(runs, measure)
    if estimate is None:
        return f"no {measure.wording} recorded{mark}" if runs else "no completed run"
    alone = estimate.count == 1
    interval = scores.from_examples(runs[0], measure) if alone else estimate
    cell = f"**{text.level(estimate.value, measure.unit, named=True)}** {text.level_interval(interval, measure.unit)}{mark}"
    if compared is not None and compared.over_seeds is not None:
        difference = compared.over_seeds.estimate
        cell += f"<br>{text.difference(difference.value, measure.unit)}{text.difference_unit(measure.unit)}"
        cell += f" {text.difference_interval(difference.low, difference.high, measure.unit)}" if difference.low is not None else ""
        cell += f" ({MARK})" if compared.leaking else ""
    return f"{cell}<br>{'1 seed, interval from test examples only' if alone else text.plural(estimate.count, 'seed')}"
