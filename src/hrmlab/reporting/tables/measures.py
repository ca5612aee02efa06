"""What else was measured on the test split: halting, the other declared measures, copying."""

from collections.abc import Callable

from hrmlab.core.measures import Measure, Unit
from hrmlab.reporting import text
from hrmlab.reporting.collect.records import RunRecord, number
from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.reporting.compare.scores import on_test, over_seeds, value_of
from hrmlab.reporting.compare.test_sets import measured_in
from hrmlab.reporting.layout import Table
from hrmlab.statistics.intervals import Estimate

Column = tuple[str, Callable[[list[RunRecord]], str]]
"""Its heading and what stands in it for the runs of an arm."""


def shown_measures(task: TaskRuns) -> list[Measure]:
    """The declared measures that were measured on the test split, the one that counts first."""
    return measured_in(task, [run.result for run in task])


def secondary_tables(study: Study) -> list[tuple[str, Table]]:
    """For each task: both halting modes, the other declared measures, copying, segments; means over seeds."""
    return [(task.label, _table(task, _columns(task))) for task in study.tasks]


def meanings(study: Study) -> list[str]:
    """What the measures other than those that count are, in the words of their declarations, each once."""
    counting = {task.measure for task in study.tasks}
    others = [measure for task in study.tasks for measure in shown_measures(task) if measure not in counting]
    return list(dict.fromkeys(map(_meaning, others)))  # tasks may declare one measure with another part to play


def _meaning(measure: Measure) -> str:
    lower = "" if measure.larger_is_better else "; lower is better"
    return f"*{text.sentence_case(measure.wording)}*: {measure.meaning}{lower}."


def copied_things(study: Study) -> list[str]:
    """What the tasks call a position, for those whose runs recorded what copying comes to; empty where none did."""
    names = ("copied_cells", "copying_accuracy")
    return list(dict.fromkeys(task.words.token for task in study.tasks if any(_recorded(task, name) for name in names)))


def has_copied_text(study: Study) -> bool:
    """Whether written answers were held against their questions."""
    return any(_recorded(task, "copied_share") for task in study.tasks)


def _table(task: TaskRuns, columns: list[Column]) -> Table:
    rows = [(task.name(arm), *(show(task.runs(arm)) for _, show in columns)) for arm in task.arms]
    return Table(("Arm", *(heading for heading, _ in columns)), tuple(rows))


def _columns(task: TaskRuns) -> list[Column]:
    """The first measure with a twin at learned halting has both columns; what counts without one stands in the main table alone."""
    shown = shown_measures(task)
    both = next((measure for measure in shown if measure.halting), None)
    columns: list[Column] = []
    if both is not None:
        wording = text.sentence_case(both.wording)
        columns += [(f"{wording}, all segments" if task.halts else wording, _level(both))]
        columns += [(f"{wording}, learned halting", _level(both.at_halting()))] if task.halts else []
    others = [measure for measure in shown if measure.name not in (both.name if both else "", task.measure.name)]
    columns += [(text.sentence_case(measure.wording), _level(measure)) for measure in others]
    copying = {
        "copying_accuracy": f"{text.sentence_case(task.words.token)} accuracy of copying",
        "copied_cells": f"{text.sentence_case(task.words.token)}s copied from the input",
        "copied_share": "Generated text copied from the prompt",
    }
    columns += [(heading, _share(name)) for name, heading in copying.items() if _recorded(task, name)]
    if task.halts:
        columns += [
            ("Mean segments, learned halting", lambda runs: text.decimal(_mean(runs, "mean_segments"))),
            ("Halting accuracy", _share("halting_accuracy")),
        ]
    validated = next((measure for measure in shown if any(_validation(run, measure) is not None for run in task)), None)
    if validated is not None:
        columns.append((f"Validation {validated.wording}", _on_validation(validated)))
    tested = f"Test {task.words.drawn if task.words.drawn != 'example' else task.words.example}s"
    return [*columns, (tested, lambda runs: text.count(_mean(runs, "count")))]


def _level(measure: Measure) -> Callable[[list[RunRecord]], str]:
    return lambda runs: _with_error(on_test(runs, measure), measure.unit)


def _on_validation(measure: Measure) -> Callable[[list[RunRecord]], str]:
    return lambda runs: _with_error(over_seeds(runs, lambda run: _validation(run, measure)), measure.unit)


def _share(metric: str) -> Callable[[list[RunRecord]], str]:
    return lambda runs: _with_error(over_seeds(runs, lambda run: run.test(metric)), "share")


def _with_error(estimate: Estimate | None, unit: Unit) -> text.Number:
    """The level and its standard error; the level alone where one seed has none."""
    return text.NOT_AVAILABLE if estimate is None else text.level_with_error(estimate.value, estimate.error or None, unit)


def _mean(runs: list[RunRecord], metric: str) -> float | None:
    return value_of(over_seeds(runs, lambda run: run.test(metric)))


def _validation(run: RunRecord, measure: Measure) -> float | None:
    return number((run.summary.get("validation") or {}).get(measure.name))


def _recorded(task: TaskRuns, metric: str) -> bool:
    return any(run.test(metric) is not None for run in task)
