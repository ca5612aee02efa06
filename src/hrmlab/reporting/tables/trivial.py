"""What solvers that learn nothing reach, beside the arms."""

from hrmlab.reporting import text
from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.reporting.compare.scores import on_test, value_of
from hrmlab.reporting.compare.trivial import below, solvers
from hrmlab.reporting.layout import Table


def trivial_tables(study: Study) -> list[tuple[str, Table]]:
    """For each task whose runs recorded them: the trivial solvers, then the arms, under every measure that a solver has."""
    return [(task.label, _table(task)) for task in study.tasks if solvers(task)]


def _table(task: TaskRuns) -> Table:
    known = solvers(task)
    shown = [measure for measure in task.measures if any(measure.name in item.values for item in known)]
    rows: list[tuple[str, ...]] = [
        (
            item.name,
            item.meaning,
            *(text.level(item.values.get(measure.name), measure.unit) for measure in shown),
            text.count(item.count),
        )
        for item in known
    ]
    low = {(item.arm, item.measure.name): " (below)" if item.is_shown else " (mean below)" for item in below(task)}
    for arm in task.arms:
        runs = task.runs(arm)
        cells = [text.level(value_of(on_test(runs, measure)), measure.unit) + low.get((arm, measure.name), "") for measure in shown]
        rows.append((task.name(arm), "trained, mean over seeds", *cells, text.count(runs[0].test("count") if runs else None)))
    headings = [text.sentence_case(measure.wording) for measure in shown]
    return Table(("Answers", "How", *headings, "Test examples"), tuple(rows), labels=2)
