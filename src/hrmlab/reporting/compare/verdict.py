"""The report's first words: does the arm in question win, by how much, and how sure are we."""

from dataclasses import dataclass

from hrmlab.reporting import text
from hrmlab.reporting.collect.study import Study
from hrmlab.reporting.compare import scores
from hrmlab.reporting.compare.comparisons import Comparison, Finding

_FLOOR = 0.02
_SAYINGS: dict[str, str] = {
    "better": "beats {}",
    "worse": "loses to {}",
    "leads": "leads {}, though not beyond the correction for many comparisons,",
    "trails": "trails {}, though not beyond the correction for many comparisons,",
    "cannot tell": "cannot be told apart from {}",
    "no verdict": "gets no verdict against {} (fewer than two common seeds)",
}
_NO_CLAIM = "sees the tokens that it is to predict"


@dataclass(frozen=True)
class Verdict:
    """One summary sentence, and one sentence per comparison in question."""

    summary: str
    details: tuple[str, ...]


def verdict(study: Study, comparisons: tuple[Comparison, ...]) -> Verdict:
    """Sentences about the arms in question, in inline Markdown."""
    asked = [comparison for comparison in comparisons if comparison.arm in study.subjects and comparison.opponent not in study.subjects]
    if not study.runs:
        return Verdict("No verdict: no run of this study has been completed.", ())
    if not asked and study.baseline is None and len(study.arms) > 1:
        return Verdict(f"No verdict: no baseline is declared among {_code(study.arms)}.", ())
    if not asked:
        return Verdict(f"No verdict: the study has completed runs of {_code(study.arms)} only, and nothing to compare.", ())
    names = scores.task_names(study)
    details = tuple(_sentence(comparison, f"**{scores.named_task(comparison.task, names)}**") for comparison in asked)
    return Verdict(" ".join(_summary(asked, arm) for arm in study.subjects), details)


def _code(names: tuple[str, ...] | list[str]) -> str:
    return text.listing([f"`{name}`" for name in names])


def _summary(asked: list[Comparison], arm: str) -> str:
    """Counts over tasks, one sentence per opponent: ``hrm beats transformer on 1 of 2 tasks (maze) and loses to it on ...``."""
    sentences = []
    for opponent in dict.fromkeys(comparison.opponent for comparison in asked if comparison.arm == arm):
        found = [comparison for comparison in asked if comparison.arm == arm and comparison.opponent == opponent]
        tasks = {saying: [item.task for item in found if _leaning(item) == saying] for saying in _SAYINGS}
        said = [f"{saying} on {_some(tasks[finding], len(found))}" for finding, saying in _SAYINGS.items() if tasks[finding]]
        said = [clause.replace("{}", f"`{opponent}`" if place == 0 else "it") for place, clause in enumerate(said)]
        if said:
            sentences.append(f"`{arm}` {text.listing(said)}.")
        leaking = [item for item in found if item.leaking]
        sentences += [_leaking_summary(leaking, arm, opponent)] if leaking else []
    return " ".join(sentences)


def _leaking_summary(leaking: list[Comparison], arm: str, opponent: str) -> str:
    """``hrm LEAKS on synthetic_code: no verdict against transformer there``."""
    tasks = {name: [item.task for item in leaking if name in item.leaking] for name in (arm, opponent)}
    who = text.listing([f"`{name}` LEAKS on {text.listing(labels)}" for name, labels in tasks.items() if labels])
    return f"{who}: no verdict of `{arm}` against `{opponent}` there."


def _leaning(comparison: Comparison) -> str:
    """The finding, or where it is "cannot tell", which way a difference points whose own interval over seeds leaves zero out."""
    finding: Finding = comparison.finding
    if finding != "cannot tell" or comparison.over_seeds is None:
        return finding
    low, high = comparison.over_seeds.estimate.low, comparison.over_seeds.estimate.high
    if low is None or high is None or low <= 0 <= high:
        return "cannot tell"
    return "leads" if comparison.is_gain(low) else "trails"


def _some(tasks: list[str], total: int) -> str:
    if len(tasks) == total:
        return tasks[0] if total == 1 else "both tasks" if total == 2 else f"all {total} tasks"
    return f"{len(tasks)} of {total} tasks ({text.listing(tasks)})"


def _sentence(comparison: Comparison, task: str) -> str:
    who = f"{task}: `{comparison.arm}`"
    if comparison.leaking:
        return _leaking_sentence(comparison, task)
    if comparison.over_seeds is None:
        return f"{who} against `{comparison.opponent}`: no verdict, the two arms have no seed in common."
    estimate = comparison.over_seeds.estimate
    unit = comparison.measure.unit
    size = f"{text.difference(abs(estimate.value), unit).lstrip('+')}{text.difference_unit(unit)}"
    if comparison.finding == "no verdict":
        relation = "level with" if estimate.value == 0 else f"{size} {'above' if estimate.value > 0 else 'below'}"
        return f"{who} is {relation} `{comparison.opponent}` in the one seed that both have; one seed is no verdict."
    interval = f"95 % interval {text.difference_interval(estimate.low, estimate.high, unit)}, {text.plural(estimate.count, 'seed')}"
    how_sure = f"{interval}, corrected {text.p_statement(comparison.corrected)}{_limits(comparison)}"
    levels = ""
    if comparison.accuracies:
        levels = " against ".join(text.level(value, unit) for value in comparison.accuracies)
        levels += "; " if comparison.measure.larger_is_better else ", lower is better; "
    if comparison.finding == "better":
        return f"{who} beats `{comparison.opponent}` by {size} ({levels}{how_sure})."
    if comparison.finding == "worse":
        return f"{who} loses to `{comparison.opponent}` by {size} ({levels}{how_sure})."
    leaning = _leaning(comparison)
    if leaning != "cannot tell":
        return (
            f"{who} {leaning} `{comparison.opponent}` by {size}, but that is no claim after the correction; "
            f"more seeds would decide ({levels}{how_sure})."
        )
    difference = f"{text.difference(estimate.value, unit)}{text.difference_unit(unit)}"
    return f"{who} against `{comparison.opponent}`: cannot tell, difference {difference} ({levels}{how_sure})."


def _leaking_sentence(comparison: Comparison, task: str) -> str:
    who = text.listing([f"`{name}` LEAKS" for name in comparison.leaking])
    said = f"{task}: {who} ({'each ' if len(comparison.leaking) > 1 else ''}{_NO_CLAIM}), so there is no verdict"
    pair = (comparison.arm, comparison.opponent)
    if comparison.accuracies is None:
        return f"{said} of `{pair[0]}` against `{pair[1]}`; there is no seed that both were scored on."
    levels = [
        f"`{name}` {text.level(value, comparison.measure.unit, named=True)}{' LEAKS' if name in comparison.leaking else ''}"
        for name, value in zip(pair, comparison.accuracies, strict=True)
    ]
    return f"{said}: {levels[0]} against {levels[1]}."


def _limits(comparison: Comparison) -> str:
    """A remark where a task is too hard or too easy to tell any arms apart."""
    if comparison.accuracies is None or comparison.measure.unit != "share" or not comparison.measure.larger_is_better:
        return ""
    if max(comparison.accuracies) < _FLOOR:
        return "; both solve next to nothing, so the task tells little at this budget"
    if min(comparison.accuracies) > 1 - _FLOOR:
        return "; both solve nearly everything, so the task tells little at this budget"
    return ""
