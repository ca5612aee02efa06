"""The report's first words: does the arm in question win, by how much, and how sure are we."""

from dataclasses import dataclass

from hrmlab.reporting import text
from hrmlab.reporting.collect.study import Study
from hrmlab.reporting.compare import scores
from hrmlab.reporting.compare.comparisons import Comparison, Finding

_SAYINGS: dict[Finding, str] = {
    "better": "is better than {}",
    "worse": "is worse than {}",
    "no difference": "does not differ from {} by more than {margin}",
    "inconclusive": "against {} stays inconclusive",
    "floor": "cannot be tested against {} because nobody solves anything",
    "ceiling": "cannot be tested against {} because everybody solves everything",
    "two groups": "gets no interval against {} because seeds fall into two groups",
    "no verdict": "gets no verdict against {} (an arm with a single seed)",
}
_NO_CLAIM = "sees the tokens that it is to predict"


@dataclass(frozen=True)
class Verdict:
    """One summary sentence, and one sentence per comparison that the study asks for."""

    summary: str
    details: tuple[str, ...]


def verdict(study: Study, comparisons: tuple[Comparison, ...]) -> Verdict:
    """Sentences about what the study asks, in inline Markdown; nothing in them is uncorrected."""
    asked = [comparison for comparison in comparisons if comparison.asked]
    if not study.runs:
        return Verdict("No verdict: no run of this study has been completed.", ())
    if not asked and study.baseline is None and len(study.arms) > 1:
        return Verdict(f"No verdict: no baseline is declared among {_code(study.arms)}.", ())
    if not asked:
        return Verdict(f"No verdict: the study has completed runs of {_code(study.arms)} only, and nothing to compare.", ())
    names = scores.task_names(study)
    details = tuple(_sentence(comparison, f"**{scores.named_task(comparison.task, names)}**") for comparison in asked)
    return Verdict(" ".join(_summary(asked, arm) for arm in dict.fromkeys(comparison.arm for comparison in asked)), details)


def _code(names: tuple[str, ...] | list[str]) -> str:
    return text.listing([f"`{name}`" for name in names])


def _summary(asked: list[Comparison], arm: str) -> str:
    """Counts over tasks, one sentence per opponent: ``hrm is better than transformer on 1 of 2 tasks (maze) and against it stays ...``."""
    sentences = []
    for opponent in dict.fromkeys(comparison.opponent for comparison in asked if comparison.arm == arm):
        found = [comparison for comparison in asked if comparison.arm == arm and comparison.opponent == opponent]
        tasks = {finding: [item.task for item in found if item.finding == finding] for finding in _SAYINGS}
        margin = text.size(max(item.margin for item in found), found[0].measure.unit)
        said = [f"{saying} on {_some(tasks[finding], len(found))}" for finding, saying in _SAYINGS.items() if tasks[finding]]
        said = [
            clause.replace("{margin}", margin).replace("{}", f"`{opponent}`" if place == 0 else "it") for place, clause in enumerate(said)
        ]
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


def _some(tasks: list[str], total: int) -> str:
    if len(tasks) == total:
        return tasks[0] if total == 1 else "both tasks" if total == 2 else f"all {total} tasks"
    return f"{len(tasks)} of {total} tasks ({text.listing(tasks)})"


def _sentence(comparison: Comparison, task: str) -> str:
    """``maze: hrm is better than transformer by 12.3 points (95 % interval [...], 3 seeds each, corrected p = 0.01)``."""
    who, opponent, unit = f"{task}: `{comparison.arm}`", f"`{comparison.opponent}`", comparison.measure.unit
    if comparison.leaking:
        return _leaking_sentence(comparison, task)
    if comparison.estimate is None or comparison.levels is None:
        return f"{who} against {opponent}: no verdict, one of the two has no result."
    value = comparison.estimate.value
    amount = f"{text.difference(abs(value), unit).lstrip('+')}{text.difference_unit(unit)}"
    levels = " against ".join(text.level(level, unit) for level in comparison.levels)
    levels += "" if comparison.measure.larger_is_better else ", lower is better"
    if comparison.finding == "no verdict":
        relation = "level with" if value == 0 else f"{amount} {'above' if value > 0 else 'below'}"
        return f"{who} is {relation} {opponent} ({levels}); an arm with a single seed is no verdict."
    if comparison.finding == "two groups":
        return f"{who} against {opponent}: {comparison.words}, so there is no interval around a mean ({levels}, {_seeds(comparison)})."
    how_sure = f"{levels}; {_interval(comparison)}, {_seeds(comparison)}"
    if comparison.finding in ("floor", "ceiling"):
        return f"{who} against {opponent}: {comparison.words} ({how_sure})."
    how_sure += f", corrected {text.p_statement(comparison.corrected)}"
    if comparison.finding in ("better", "worse"):
        return f"{who} is {comparison.finding} than {opponent} by {amount} ({how_sure})."
    difference = f"{text.difference(value, unit)}{text.difference_unit(unit)}"
    return f"{who} against {opponent}: {comparison.words} (difference {difference}, {how_sure})."


def _interval(comparison: Comparison) -> str:
    estimate, unit = comparison.estimate, comparison.measure.unit
    if estimate is None or estimate.low is None:
        return "no interval from two seeds"
    known = "" if estimate.basis == "seeds and examples" else " over seeds alone"
    return f"95 % interval{known} {text.difference_interval(estimate.low, estimate.high, unit)}"


def _seeds(comparison: Comparison) -> str:
    ours, theirs = comparison.seeds
    return f"{text.plural(ours, 'seed')} each" if ours == theirs else f"{ours} and {theirs} seeds"


def _leaking_sentence(comparison: Comparison, task: str) -> str:
    who = text.listing([f"`{name}` LEAKS" for name in comparison.leaking])
    said = f"{task}: {who} ({'each ' if len(comparison.leaking) > 1 else ''}{_NO_CLAIM}), so there is no verdict"
    pair = (comparison.arm, comparison.opponent)
    if comparison.levels is None:
        return f"{said} of `{pair[0]}` against `{pair[1]}`; one of the two has no result."
    levels = [
        f"`{name}` {text.level(value, comparison.measure.unit, named=True)}{' LEAKS' if name in comparison.leaking else ''}"
        for name, value in zip(pair, comparison.levels, strict=True)
    ]
    return f"{said}: {levels[0]} against {levels[1]}."
