"""What else was measured on the test split: halting, cells or tokens, copying, the task's own scores."""

from collections.abc import Callable

from hrmlab.reporting import text
from hrmlab.reporting.collect.records import RunRecord, number
from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.reporting.tables.main import Table, accuracy, over_seeds, value_of

_GENERAL = {"exact_accuracy", "cell_accuracy"}
TOKEN_ACCURACY = "token accuracy (next token, given the true prefix)"

Measure = tuple[str, Callable[[list[RunRecord]], str]]
"""A column: its heading and what stands in it for the runs of an arm."""


def score_names(task: TaskRuns) -> list[str]:
    """The task's own scores that the runs recorded in both halting modes, e.g. valid_shortest_path."""
    names = {name.removeprefix("halting/") for run in task for name in run.summary["test"] if name.startswith("halting/")}
    return sorted(name for name in names - _GENERAL if any(run.test(name) is not None for run in task))


def secondary_tables(study: Study) -> list[tuple[str, Table]]:
    """For each task: both halting modes, cell accuracy, copying, the task's scores, segments; means over seeds."""
    return [(task.label, _table(task, _measures(task))) for task in study.tasks]


def has_copying(study: Study) -> bool:
    """Whether any run recorded what copying comes to."""
    return any(_recorded(task, name) for task in study.tasks for name in ("copied_cells", "copying_accuracy"))


def _table(task: TaskRuns, measures: list[Measure]) -> Table:
    rows = [(task.name(arm), *(show(task.runs(arm)) for _, show in measures)) for arm in task.arms]
    return Table(("Arm", *(heading for heading, _ in measures)), tuple(rows))


def _measures(task: TaskRuns) -> list[Measure]:
    exact = "Exact solution" if task.is_code else "Exact accuracy"
    measures: list[Measure] = [
        (f"{exact}, all segments", _share("exact_accuracy")),
        (f"{exact}, learned halting", _share("halting/exact_accuracy")),
        *((text.words(name).capitalize(), _share(name)) for name in score_names(task)),
        (_sentence_case(TOKEN_ACCURACY) if task.is_code else "Cell accuracy", _share("cell_accuracy")),
    ]
    cells = "Token" if task.is_code else "Cell"
    copying = {
        "copying_accuracy": f"{cells} accuracy of copying",
        "copied_cells": f"{cells}s copied from the input",
        "copied_share": "Generated text copied from the prompt",
    }
    measures += [(heading, _share(name)) for name, heading in copying.items() if _recorded(task, name)]
    return [
        *measures,
        ("Mean segments, learned halting", lambda runs: text.decimal(value_of(accuracy(runs, "mean_segments")))),
        ("Halting accuracy", _share("halting_accuracy")),
        (f"Validation {exact[0].lower()}{exact[1:]}", lambda runs: text.percent(value_of(over_seeds(runs, _validation)))),
        ("Test examples", lambda runs: text.count(value_of(accuracy(runs, "count")))),
    ]


def _share(metric: str) -> Callable[[list[RunRecord]], str]:
    return lambda runs: text.percent(value_of(accuracy(runs, metric)))


def _validation(run: RunRecord) -> float | None:
    return number(run.summary.get("validation", {}).get("exact_accuracy"))


def _recorded(task: TaskRuns, metric: str) -> bool:
    return any(run.test(metric) is not None for run in task)


def _sentence_case(words: str) -> str:
    return words[0].upper() + words[1:]
