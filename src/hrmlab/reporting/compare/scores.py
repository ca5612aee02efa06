"""The number that counts on each task: its name, its meaning in words, and how sure it is."""

from collections.abc import Iterable, Mapping
from typing import Any

from hrmlab.reporting import text
from hrmlab.reporting.collect.records import RunRecord, number
from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.statistics.intervals import Estimate, mean_interval, wilson_interval

_GRID = "*exact accuracy*{place}: the whole grid right, with all segments"
_SOLUTION = "*exact accuracy under given tokens*{place}: every token of the canonical solution right, each given the true tokens before it"


def metric_name(metric: str) -> str:
    """``pass_at_10`` -> ``pass@10``; other names in words."""
    return metric.replace("pass_at_", "pass@") if metric.startswith("pass_at_") else text.words(metric)


def score_name(task: TaskRuns) -> str:
    """What the task's score is called."""
    return "exact accuracy under given tokens" if task.is_code and task.score == "exact_accuracy" else metric_name(task.score)


def score_names(study: Study) -> list[str]:
    """The scores of the study's tasks, each once."""
    return list(dict.fromkeys(score_name(task) for task in study.tasks)) or ["exact accuracy"]


def named_task(label: str, names: Mapping[str, str]) -> str:
    """A task's label, with its score where the study has several kinds; ``names`` has the score of every label."""
    return f"{label} ({names[label]})" if len(set(names.values())) > 1 else label


def task_names(study: Study) -> dict[str, str]:
    """The score's name by the task's label."""
    return {task.label: score_name(task) for task in study.tasks}


def meaning(study: Study) -> str:
    """What "accuracy" means in this report, one sentence."""
    by_meaning: dict[str, list[str]] = {}
    for task in study.tasks:
        by_meaning.setdefault(_meaning(task), []).append(task.label)
    if len(by_meaning) < 2:
        said = next(iter(by_meaning), _GRID)
        return f"Accuracy here is {said.format(place=' on the test split')}."
    parts = [f"on {text.listing(labels)} {said.format(place='')}" for said, labels in by_meaning.items()]
    return f"Accuracy here, always on the test split, is {'; '.join(parts)}."


def _meaning(task: TaskRuns) -> str:
    if task.score != "pass_at_1":
        return _SOLUTION if task.is_code else _GRID
    found = {_completion(run.summary["test"]) for run in task}
    said = found.pop() if len(found) == 1 else "the share of problems whose first completion (the sampling differs between runs) passes"
    return f"*pass@1*{{place}}: {said} all of the problem's tests in the sandbox"


def _completion(result: Mapping[str, Any]) -> str:
    settings = result.get("sampling") or {}
    samples, temperature = number(settings.get("samples")) or 1, number(settings.get("temperature"))
    how = "" if temperature is None else " greedy" if temperature == 0 else f" sampled (temperature {temperature:g})"
    ending = "at learned halting" if settings.get("halting") else "with all segments"
    if samples > 1:
        return (
            f"the share of a problem's {samples:.0f}{how} completions, made {ending}, averaged over problems "
            "(paired tests over problems take the first completion of each), that pass"
        )
    return f"the share of problems whose first{how} completion, made {ending}, passes"


def resolution(result: Mapping[str, Any], metric: str) -> float:
    """The smallest step of a share: 1 / the number of examples (of pass@1: of completions) behind it; 0 where that is not known."""
    if metric == "bits_per_byte":
        return 0.0
    total = number(result.get("count"))
    if metric.startswith("pass_at_"):
        total = number(result.get("problems")) or total
        samples = number((result.get("sampling") or {}).get("samples")) if metric == "pass_at_1" else 1
        total = total * (samples or 1) if total else total
    return 1 / total if total else 0.0


def measured(results: Iterable[Mapping[str, Any]], metric: str) -> Estimate | None:
    """Mean of a metric over the seeds' results, with its interval over seeds; of one result the interval over problems that it recorded."""
    chosen = [result for result in results if number(result.get(metric)) is not None]
    steps = [step for result in chosen if (step := resolution(result, metric))]
    estimate = mean_interval([float(result[metric]) for result in chosen], resolution=max(steps, default=0.0))
    if estimate is None or estimate.count > 1:
        return estimate
    interval = chosen[0].get(f"{metric}_interval")
    if isinstance(interval, list) and len(interval) == 2 and None not in map(number, interval):
        return Estimate(value=estimate.value, low=float(interval[0]), high=float(interval[1]), count=1)
    return estimate


def from_examples(run: RunRecord, metric: str) -> Estimate | None:
    """The interval of a single run: what the size of the test set alone leaves open. The recorded one, or Wilson's."""
    result = run.summary["test"]
    estimate = measured([result], metric)
    if estimate is None or estimate.low is not None:
        return estimate
    total = number(result.get("problems") if metric.startswith("pass_at_") else None) or number(result.get("count"))
    return wilson_interval(round(estimate.value * total), round(total)) if total else None
