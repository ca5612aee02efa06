"""What the audit of training text found in common with the evaluation sets: sentences, a table and examples."""

from dataclasses import dataclass
from typing import Any

from hrmlab.reporting import text
from hrmlab.reporting.collect.records import number
from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.reporting.tables.main import Table

_MOST_EXAMPLES = 6
_KINDS = {
    "exact_whole": "the whole program",
    "exact_prompt": "the prompt",
    "exact_solution": "the solution",
    "ast": "the syntax tree",
    "ngram_solution": "13 tokens of the solution",
    "ngram_prompt": "13 words of the prompt",
}


@dataclass(frozen=True, kw_only=True)
class FoundOverlap:
    """What one evaluation set of a task has in common with the training text.

    Attributes:
        sentence: the audit's own.
        counts: of problems that coincide, by kind.
        verdict: in a word or two.
        examples: sentences, in inline Markdown.
    """

    task: str
    name: str
    problems: int
    counts: dict[str, int]
    leaks: bool
    sentence: str
    verdict: str
    examples: tuple[str, ...]


def found_overlaps(task: TaskRuns) -> list[FoundOverlap]:
    """Every evaluation set that some run of the task audited; where runs differ, the one with most coincidences."""
    worst: dict[str, FoundOverlap] = {}
    for run in task:
        audit = run.audit.get("contamination")
        if not isinstance(audit, dict):
            continue
        for name, overlap in (audit.get("sets") or {}).items():
            if not isinstance(overlap, dict):
                continue
            found = _found(task.label, str(name), overlap, audit.get("findings") or [])
            if name not in worst or _gravity(found) > _gravity(worst[name]):
                worst[name] = found
    return list(worst.values())


def _gravity(found: FoundOverlap) -> tuple[bool, int]:
    return found.leaks, sum(found.counts.values())


def _found(task: str, name: str, overlap: dict[str, Any], findings: list[Any]) -> FoundOverlap:
    hits = overlap.get("hits") or {}
    counts = {kind: int(number(hits.get(kind)) or 0) for kind in _KINDS}
    sentence = next((str(said) for said in findings if str(said).startswith(f"{name}:")), f"{name}: no sentence recorded.")
    any_hit, leaks = any(counts.values()), bool(overlap.get("leaks"))
    expected = "expected of one grammar" if overlap.get("templated") else "common phrases only"
    return FoundOverlap(
        task=task,
        name=name,
        problems=int(number(overlap.get("count")) or 0),
        counts=counts,
        leaks=leaks,
        sentence=sentence,
        verdict="**in the training text**" if leaks else expected if any_hit else "nothing found",
        examples=tuple(_example(item) for item in _chosen(overlap.get("examples") or [])),
    )


def _chosen(examples: list[Any]) -> list[dict[str, Any]]:
    """The first example of every kind, then the second ones, in the order of ``_KINDS``."""
    by_kind = {kind: [item for item in examples if isinstance(item, dict) and item.get("kind") == kind] for kind in _KINDS}
    longest = max(map(len, by_kind.values()))
    return [items[place] for place in range(longest) for items in by_kind.values() if place < len(items)][:_MOST_EXAMPLES]


def _example(item: dict[str, Any]) -> str:
    excerpt = " ".join(str(item.get("excerpt", "")).split()).replace("`", "'")
    return f"`{item.get('evaluation')}` and the training record `{item.get('training')}` share {_KINDS[item['kind']]}: `{excerpt}`"


def contamination_table(study: Study) -> Table | None:
    """Evaluation sets x kinds of coincidence, in problems; None where nothing was audited."""
    found = [item for task in study.tasks for item in found_overlaps(task)]
    if not found:
        return None
    rows = [
        (
            item.task,
            item.name,
            text.count(item.problems),
            " / ".join(text.count(item.counts[kind]) for kind in ("exact_prompt", "exact_solution", "exact_whole")),
            *(text.count(item.counts[kind]) for kind in ("ast", "ngram_solution", "ngram_prompt")),
            item.verdict,
        )
        for item in found
    ]
    columns = (
        "Task",
        "Set",
        "Problems",
        "Exact prompt / solution / both",
        "Same syntax tree",
        "13 tokens of the solution",
        "13 words of the prompt",
        "Verdict",
    )
    return Table(columns, tuple(rows), labels=2)


def contamination_examples(study: Study) -> list[str]:
    """A few coincidences of every set, in inline Markdown."""
    return [f"{item.name}: {example}" for task in study.tasks for item in found_overlaps(task) for example in item.examples]
