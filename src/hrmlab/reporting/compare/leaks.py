"""Where a model sees the tokens that it is to predict: its numbers stay in the report, each with the word LEAKS beside it."""

from collections.abc import Iterable, Sequence

from hrmlab.reporting import text
from hrmlab.reporting.collect.records import RunRecord
from hrmlab.reporting.collect.study import Study, TaskRuns

MARK = "**LEAKS**"


def leak_paragraphs(study: Study) -> list[str]:
    """One paragraph for each arm and task that leaks, in the words of the audit."""
    return [_paragraph(task, arm) for task in study.tasks for arm in task.arms if task.leaks(arm)]


def _paragraph(task: TaskRuns, arm: str) -> str:
    sentences = task.leaks(arm)
    more = f" (and {len(sentences) - 3} more)" if len(sentences) > 3 else ""
    return (
        f"{MARK}: `{arm}` sees the future on {task.label}: {'; '.join(sentences[:3])}{more}. It was trained all the same "
        "(`audit.allow_leak=true`); every number of it is marked LEAKS here, and none supports a claim."
    )


def legend_label(tasks: Sequence[TaskRuns], arm: str) -> str:
    """An arm's name in the legend of a figure about these tasks."""
    leaking = [task.label for task in tasks if task.leaks(arm)]
    if not leaking:
        return arm
    return f"{arm} LEAKS" if len(leaking) == sum(arm in task.arms for task in tasks) else f"{arm} (LEAKS on {text.listing(leaking)})"


def caption_names(tasks: Sequence[TaskRuns], arms: Iterable[str]) -> str:
    """Names of arms in a caption, marked as in the legend."""
    return text.listing([f"`{arm}`{legend_label(tasks, arm).removeprefix(arm)}" for arm in arms])


def needs_causality(run: RunRecord) -> bool:
    """Whether a model that sees later tokens would see its answers: not where full attention is part of the task."""
    return run.predicts_next_token or run.data.get("attention") != "full"


def leak_state(run: RunRecord) -> str:
    """``LEAKS``, ``no``, ``not measured`` or ``not applicable``: the column ``leaks`` of results.csv."""
    if run.leaks:
        return "LEAKS"
    return "no" if run.causality is not None else "not measured" if needs_causality(run) else "not applicable"
