"""The measure that counts on each task: its name, its meaning in words, what was measured, and how sure that is."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from hrmlab.core.measures import EXACT_ACCURACY, Measure
from hrmlab.reporting import text
from hrmlab.reporting.collect.records import RunRecord, number
from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.reporting.compare import pairing
from hrmlab.statistics import calibrated
from hrmlab.statistics.intervals import Estimate, mean_interval


def score_names(study: Study) -> list[str]:
    """What counts on the study's tasks, each once."""
    return list(dict.fromkeys(task.measure.wording for task in study.tasks)) or [EXACT_ACCURACY.wording]


def named_task(label: str, names: Mapping[str, str]) -> str:
    """A task's label, with what counts there where the study has several kinds; ``names`` has the measure's wording of every label."""
    return f"{label} ({names[label]})" if len(set(names.values())) > 1 else label


def task_names(study: Study) -> dict[str, str]:
    """The wording of what counts by the task's label."""
    return {task.label: task.measure.wording for task in study.tasks}


def only_shares(study: Study) -> bool:
    """Whether every task is scored by a share, so that percent and points suit all numbers."""
    return all(task.measure.unit == "share" for task in study.tasks)


def meaning(study: Study) -> str:
    """What counts in this report, in the declarations' own words, one sentence."""
    by_meaning: dict[str, list[str]] = {}
    for task in study.tasks:
        by_meaning.setdefault(_meaning(task), []).append(task.label)
    larger = all(task.measure.larger_is_better and task.measure.unit == "share" for task in study.tasks)
    subject = "Accuracy here" if larger else "What counts here"
    if len(by_meaning) < 2:
        return f"{subject} is {next(iter(by_meaning), '').format(place=' on the test split')}."
    parts = [f"on {text.listing(labels)} {said.format(place='')}" for said, labels in by_meaning.items()]
    return f"{subject}, always on the test split, is {'; '.join(parts)}."


def _meaning(task: TaskRuns) -> str:
    measure = task.measure
    how = {words for run in task if (words := _sampling(run.result))}
    made = "" if not how else f"; answers written {how.pop()}" if len(how) == 1 else "; answers written differently from run to run"
    better = "" if measure.larger_is_better else "; lower is better"
    meant = (measure.meaning + made).replace("{", "{{").replace("}", "}}")
    return f"*{measure.wording}*{{place}}: {meant}{better}"


def _sampling(result: Mapping[str, Any]) -> str:
    """How written answers were made, where they were: ``greedily, with all segments``."""
    settings = result.get("sampling") or {}
    samples, temperature = number(settings.get("samples")) or 1, number(settings.get("temperature"))
    if temperature is None:
        return ""
    how = "greedily" if temperature == 0 else f"by sampling (temperature {temperature:g})"
    ending = "at learned halting" if settings.get("halting") else "with all segments"
    several = f", the mean of {samples:.0f} for each" if samples > 1 else ""
    return f"{how}, {ending}{several}"


def measured(results: Sequence[Mapping[str, Any]], measure: Measure) -> Estimate | None:
    """Mean of a measure over the seeds' results, with its interval; of one result the interval that it recorded.

    For results without the outcomes of single examples; :func:`on_test` has them.
    """
    known = [result for result in results if number(result.get(measure.name)) is not None]
    sample = pairing.from_results(known, measure)
    if sample is None:
        return None
    recorded = known[0].get(f"{measure.name}_interval")
    if len(known) == 1 and isinstance(recorded, list) and len(recorded) == 2 and None not in map(number, recorded):
        return Estimate(value=sample.value, low=float(recorded[0]), high=float(recorded[1]), count=1, basis="examples")
    return calibrated.level(sample, random=pairing.named_random(measure.name, *(f"{level:.9f}" for level in sample.levels)))


def on_test(runs: Iterable[RunRecord], measure: Measure) -> Estimate | None:
    """An arm's level on the test split with its interval: every table and figure asks here.

    Over new seeds and new examples where the outcomes of single examples are known; ``Estimate.basis`` says what it covers. None without a
    result.
    """
    known = [run for run in runs if run.test(measure.name) is not None]
    if len(known) == 1 and known[0].result.get(f"{measure.name}_interval"):
        return measured([known[0].result], measure)
    sample = pairing.sample_of(known, measure)
    return None if sample is None else calibrated.level(sample, random=pairing.named_random(measure.name, *(run.name for run in known)))


def on_set(task: TaskRuns, name: str, arm: str, results: Sequence[Mapping[str, Any]], measure: Measure) -> Estimate | None:
    """An arm's level on one of its test sets, whose results these are: of the test split as everywhere, with all that is known of it."""
    return on_test(task.runs(arm), measure) if name == task.test_name else measured(results, measure)


def over_seeds(runs: Iterable[RunRecord], value: Callable[[RunRecord], float | None]) -> Estimate | None:
    """Mean over the runs that recorded the value, with its interval."""
    return mean_interval([known for run in runs if (known := value(run)) is not None])


def value_of(estimate: Estimate | None) -> float | None:
    """The estimate alone; None without one."""
    return estimate.value if estimate else None
