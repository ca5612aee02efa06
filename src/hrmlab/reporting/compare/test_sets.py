"""The results of a task's test sets, by set and arm, and the measures that any of them has."""

from collections.abc import Mapping
from typing import Any

from hrmlab.core.measures import Measure
from hrmlab.reporting.collect.records import number
from hrmlab.reporting.collect.study import TaskRuns

Results = dict[str, dict[str, list[dict[str, Any]]]]
"""set -> arm -> the results of its runs."""


def names_of_others(task: TaskRuns) -> list[str]:
    """Further test sets that any run was scored on, in the runs' order."""
    return list(dict.fromkeys(name for run in task for name in run.other_tests))


def results_by_set(task: TaskRuns) -> Results:
    """The test split first; arms without a result are left out."""
    found = {task.test_name: {arm: [run.result for run in task.runs(arm)] for arm in task.arms}}
    for name in names_of_others(task):
        by_arm = {arm: [run.other_tests[name] for run in task.runs(arm) if name in run.other_tests] for arm in task.arms}
        found[name] = {arm: results for arm, results in by_arm.items() if results}
    return found


def has_sets(task: TaskRuns) -> bool:
    """Whether there is more to show than the test split: further sets, or answers that were written and judged."""
    return bool(names_of_others(task)) or any(run.result.get("sampling") for run in task)


def measured_in(task: TaskRuns, results: list[dict[str, Any]]) -> list[Measure]:
    """The declared measures that any of the results has, the one that counts first."""
    ordered = sorted(task.measures, key=lambda measure: measure.name != task.measure.name)
    return [measure for measure in ordered if any(number(result.get(measure.name)) is not None for result in results)]


def fewest_examples(results: list[dict[str, Any]]) -> float | None:
    """How many examples stand behind the results; the fewest."""
    counts = [known for result in results if (known := number(result.get("problems")) or number(result.get("count")))]
    return min(counts) if counts else None


def were_run(result: Mapping[str, Any]) -> bool:
    """Whether written answers were judged by running them; answers that are read (``evaluation.code.completions.verify``) are not."""
    verdicts = result.get("verdicts") or {}
    return bool(verdicts) and not {"right answer", "wrong answer"} & set(verdicts)
