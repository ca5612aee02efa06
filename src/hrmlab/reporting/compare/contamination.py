"""What the audits of training text found in common with the evaluation sets; where runs differ, the worst."""

from dataclasses import dataclass
from typing import Any

from hrmlab.reporting.collect.records import number
from hrmlab.reporting.collect.study import TaskRuns

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
