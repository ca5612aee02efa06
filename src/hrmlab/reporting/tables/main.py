"""The report's tables: headings and rows of short texts (inline Markdown), rendered by the templates."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hrmlab.reporting import text
from hrmlab.reporting.card.checks import Check
from hrmlab.reporting.collect.records import RunRecord, number
from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.reporting.compare import scores
from hrmlab.reporting.compare.comparisons import Comparison
from hrmlab.reporting.compare.leaks import MARK
from hrmlab.statistics.intervals import Estimate, mean_interval


@dataclass(frozen=True)
class Table:
    """Column headings and rows; the first ``labels`` columns are text, the others are numbers."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    labels: int = 1


def over_seeds(runs: list[RunRecord], value: Callable[[RunRecord], float | None]) -> Estimate | None:
    """Mean over the runs that recorded the value, with its interval."""
    return mean_interval([known for run in runs if (known := value(run)) is not None])


def accuracy(runs: list[RunRecord], metric: str = "exact_accuracy") -> Estimate | None:
    """Mean of a test metric over seeds; its spread is at least that of rounding to whole examples."""
    return scores.measured([run.summary["test"] for run in runs], metric)


def main_table(study: Study, comparisons: tuple[Comparison, ...]) -> Table:
    """Arms x tasks: the test score with its interval, the difference to the baseline with its interval, the number of seeds."""
    to_baseline = {(item.task, item.arm): item for item in comparisons if item.opponent == study.baseline}
    rows = []
    for arm in study.arms:
        cells = [f"`{arm}`" + (" (baseline)" if arm == study.baseline else "")]
        for task in study.tasks:
            estimate, mark = accuracy(task.runs(arm), task.score), f" {MARK}" if task.leaks(arm) else ""
            if estimate is None:
                cells.append(f"no {scores.score_name(task)} recorded{mark}" if task.runs(arm) else "no completed run")
                continue
            alone = estimate.count == 1
            interval = scores.from_examples(task.runs(arm)[0], task.score) if alone else estimate
            cell = f"**{text.percent(estimate.value)}** {text.share_interval(interval)}{mark}"
            compared = to_baseline.get((task.label, arm))
            if compared is not None and compared.over_seeds is not None:
                difference = compared.over_seeds.estimate
                cell += f"<br>{text.points(difference.value)} points"
                cell += f" {text.points_interval(difference.low, difference.high)}" if difference.low is not None else ""
                cell += f" ({MARK})" if compared.leaking else ""
            cells.append(f"{cell}<br>{'1 seed, interval from test examples only' if alone else text.plural(estimate.count, 'seed')}")
        rows.append(tuple(cells))
    chance = [chance_level(task) for task in study.tasks]
    if any(value is not None for value in chance):
        rows.append(("chance level", *(text.percent(value) for value in chance)))
    names = scores.task_names(study)
    return Table(("Arm", *(scores.named_task(task.label, names) for task in study.tasks)), tuple(rows))


def chance_level(task: TaskRuns) -> float | None:
    """Exact accuracy of guessing, where that is the score and the runs recorded it (data.json: chance.exact_accuracy)."""
    if task.score != "exact_accuracy":
        return None
    known = [value for run in task if (value := number(run.data.get("chance", {}).get("exact_accuracy"))) is not None]
    return float(np.mean(known)) if known else None


def comparison_table(comparisons: tuple[Comparison, ...]) -> Table:
    """Every comparison with both tests and the corrected p value."""
    names = {item.task: item.score for item in comparisons}
    rows = []
    for item in comparisons:
        seeds, examples = item.over_seeds, item.over_examples
        rows.append(
            (
                scores.named_task(item.task, names),
                item.pair,
                text.points(seeds.estimate.value) if seeds else text.NOT_AVAILABLE,
                text.points_interval(seeds.estimate.low, seeds.estimate.high) if seeds else text.NOT_AVAILABLE,
                _over_examples(item),
                text.p_value(seeds.p_value) if seeds else text.NOT_AVAILABLE,
                text.p_value(examples.p_value) if examples else text.NOT_AVAILABLE,
                text.p_value(item.corrected),
                str(seeds.estimate.count) if seeds else "0",
                item.finding,
            )
        )
    columns = (
        "Task",
        "Comparison",
        "Difference (points)",
        "95 % over seeds",
        "95 % over seeds and examples",
        "p seeds",
        "p examples",
        "p corrected",
        "Seeds",
        "Finding",
    )
    return Table(columns, tuple(rows), labels=2)


def _over_examples(item: Comparison) -> str:
    found = item.over_examples
    if found is None:
        return item.unpaired or text.NOT_AVAILABLE
    return text.points_interval(found.low, found.high) + (" (examples only)" if found.seeds == 1 else "")


def per_seed_table(comparisons: tuple[Comparison, ...]) -> Table:
    """McNemar's exact test of each seed's pair of networks."""
    names = {item.task: item.score for item in comparisons}
    rows = [
        (
            scores.named_task(item.task, names),
            item.pair,
            str(seed),
            text.count(test.only_arm),
            text.count(test.only_baseline),
            text.p_value(test.p_value),
        )
        for item in comparisons
        for seed, test in item.per_seed.items()
    ]
    return Table(
        ("Task", "Comparison", "Seed", "Only the first solves", "Only the second solves", "p (uncorrected)"), tuple(rows), labels=2
    )


def value_of(estimate: Estimate | None) -> float | None:
    """The estimate alone; None without one."""
    return estimate.value if estimate else None


def rating_bins(task: TaskRuns) -> tuple[list[tuple[float, float]], dict[str, list[Estimate | None]]]:
    """Accuracy by rating quantile: limits and, per arm, the estimate in each; both empty where none or unequal limits were recorded."""
    limits: list[tuple[float, float]] | None = None
    by_arm: dict[str, list[list[float]]] = {}
    for run in task:
        bins = run.summary["test"].get("by_rating")
        if not isinstance(bins, list) or not bins:
            continue
        try:
            here = [(float(item["low"]), float(item["high"])) for item in bins]
            values = [float(item["exact_accuracy"]) for item in bins]
        except (KeyError, TypeError, ValueError):
            continue
        if limits is not None and here != limits:
            return [], {}
        limits = here
        columns = by_arm.setdefault(run.labels.arm, [[] for _ in here])
        for column, value in zip(columns, values, strict=True):
            column.append(value)
    return limits or [], {arm: [mean_interval(column) for column in columns] for arm, columns in by_arm.items()}


def rating_table(task: TaskRuns) -> Table | None:
    """Arms x rating quantiles; None where there is nothing to show."""
    limits, by_arm = rating_bins(task)
    if not limits:
        return None
    if task.score != "exact_accuracy":  # the rating of a program is its depth, which has a table of its own
        return None
    rows = [(task.name(arm), *(text.percent(value_of(estimate)) for estimate in estimates)) for arm, estimates in by_arm.items()]
    return Table(("Arm", *(f"{low:g} to {high:g}" for low, high in limits)), tuple(rows))


def fairness_table(card: tuple[Check, ...]) -> Table:
    """The fairness card."""
    rows = tuple((check.name, f"**{check.status}**" if check.status == "WARNING" else check.status, check.detail) for check in card)
    return Table(("Check", "Result", "What was found"), rows, labels=3)


def listed_table(study: Study) -> Table:
    """Runs that do not count, with the reason."""
    also = "; another launch with the same labels was completed and counts"
    rows = [
        (f"`{item.name}`", item.state, item.reason + (also if item.replaced and item.state not in ("duplicate", "superseded") else ""))
        for item in study.listed
    ]
    return Table(("Run", "State", "Reason"), tuple(rows), labels=3)
