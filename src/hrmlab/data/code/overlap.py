"""Does training text hold the problems, or the solutions, that a model is evaluated on?

Three comparisons, each of every training record with every evaluation problem:

* **n-gram**: 13 tokens in a row in common, the length of GPT-3's overlap study (Brown et al. 2020, appendix C). For prompts a token is a
  word: lower-case letters and digits, all else separates. For solutions it is a lower-case identifier, a number, an operator or another
  sign, so that 13 of them are about one line of code: commonplace loops coincide too, and the examples are there to be read. The whole
  of a training record, prompt and solution, is searched for both. A text of fewer than 13 tokens has no n-gram and is
  compared as a whole only. An n-gram that many problems share (a template, a licence) counts like any other and is counted once more
  by itself.
* **ast**: a function of the training record has the syntax tree, in normal form, of the evaluation problem's function: the same program up
  to names, comments, annotations, docstring and layout.
* **exact**: the training prompt, solution or both together equal the evaluation prompt, solution or both, up to white space.
"""

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from hrmlab.data.code.normal_form import Definition, function_hash, parse, tree_hash
from hrmlab.data.written.record import CodeRecord

NGRAM_TOKENS = 13

KINDS = ("ngram_prompt", "ngram_solution", "ast", "exact_prompt", "exact_solution", "exact_whole")
"""What may coincide; ``whole`` is prompt and solution together."""

SHARED_FRACTION = 0.1
"""A coinciding n-gram that stands in more than this share of a set's problems (and in two at least) is called shared."""

_WORD = re.compile(r"[^\W_]+")
_CODE = re.compile(r"\d+\.\d+|\w+|\*\*=?|//=?|<<=?|>>=?|->|[-+*/%@&|^:<>=!]=|[^\w\s]")

_EXCERPT_LENGTH = 100

Gram = tuple[str, ...]
Problem = tuple[str, int]
"""Name of the set and index within it."""


def _is_leak(kind: str, *, templated: bool) -> bool:
    return kind != "ngram_prompt" and not (templated and kind == "ngram_solution")


@dataclass(frozen=True)
class Example:
    """One coincidence: the two records, its kind (of ``KINDS``) and the text in common, shortened."""

    training: str
    evaluation: str
    kind: str
    excerpt: str


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """What one evaluation set has in common with the training text.

    Attributes:
        count: problems in the set.
        hits: for each of ``KINDS``, how many problems coincide with at least one training record.
        training_hits: for each of ``KINDS``, how many training records coincide with at least one problem.
        short: for ``prompt`` and ``solution``, how many are too short for an n-gram and were compared as a whole only.
        shared_ngrams: different coinciding n-grams that more than ``SHARED_FRACTION`` of the problems share; their hits are in ``hits``.
        templated: the set was made by the grammar of the training text, so common n-grams are expected.
        examples: a few of each kind.
    """

    count: int
    hits: dict[str, int]
    training_hits: dict[str, int]
    short: dict[str, int]
    shared_ngrams: int
    templated: bool
    examples: tuple[Example, ...] = ()

    @property
    def leaks(self) -> bool:
        """A whole prompt, solution or program is in the training text, or 13 tokens of a solution where no template explains them."""
        return any(self.hits[kind] for kind in KINDS if _is_leak(kind, templated=self.templated))


@dataclass(frozen=True, kw_only=True)
class Contamination:
    """The audit of one training text.

    Attributes:
        training: how many records it has.
        unparsed: how many of these are not valid Python; they take no part in the comparison ``ast``.
        leaking: positions of the training records whose coincidences make the verdict; without them there is no leak.
        sets: what each evaluation set has in common with it.
    """

    training: int
    unparsed: int
    leaking: tuple[int, ...] = ()
    sets: dict[str, Overlap] = field(default_factory=dict)

    @property
    def leaks(self) -> bool:
        """At least one set leaks."""
        return any(overlap.leaks for overlap in self.sets.values())

    def findings(self) -> list[str]:
        """One sentence for each set, those without anything in common included."""
        return [_sentence(name, overlap, self.training) for name, overlap in self.sets.items()]

    def to_dict(self) -> dict[str, Any]:
        """JSON values: counts (of ``leaking`` too), examples, and the verdict of the whole and of every set."""
        sets = {
            name: {**asdict(overlap), "examples": [asdict(each) for each in overlap.examples], "leaks": overlap.leaks}
            for name, overlap in self.sets.items()
        }
        return {
            "training": self.training,
            "unparsed": self.unparsed,
            "leaking": len(self.leaking),
            "leaks": self.leaks,
            "findings": self.findings(),
            "sets": sets,
        }


def contamination(
    training: Iterable[CodeRecord],
    evaluation: Mapping[str, Sequence[CodeRecord]],
    *,
    templated: Collection[str] = (),
    examples: int = 3,
) -> Contamination:
    """Compare training records with evaluation sets.

    The evaluation sets are indexed, then the training records pass by once, so their number is not limited by memory.

    Args:
        training: records, an iterator will do.
        evaluation: problems by the name of their set.
        templated: names of the sets that the grammar of the training text made; n-grams are reported for them and are no leak.
        examples: how many to keep of each kind for each set.

    Raises:
        ValueError: a templated set is not among the evaluation sets.
    """
    if unknown := set(templated) - set(evaluation):
        raise ValueError(f"templated={sorted(unknown)} are not among the evaluation sets {sorted(evaluation)}")
    index = _Index(evaluation)
    problems: dict[tuple[str, str], set[int]] = defaultdict(set)  # (set, kind) -> problems hit
    trained: dict[tuple[str, str], int] = defaultdict(int)
    kept: dict[tuple[str, str], list[Example]] = defaultdict(list)
    shared: dict[str, int] = defaultdict(int)
    seen: dict[tuple[str, Gram | str], frozenset[str]] = {}  # the sets that hold a text which was found before
    leaking: list[int] = []
    total = unparsed = 0
    for record in training:
        total += 1
        matches, parsed = index.matches(record)
        unparsed += not parsed
        touched: set[tuple[str, str]] = set()
        for kind, text, holders, excerpt in matches:
            names = seen.get((kind, text))
            if names is None:  # its problems are counted once: a template may stand in every record and every problem
                per_set = Counter(name for name, _ in holders)
                names = seen[kind, text] = frozenset(per_set)
                if kind.startswith("ngram"):
                    for name, number in per_set.items():
                        shared[name] += number >= 2 and number > SHARED_FRACTION * len(evaluation[name])
                for name, problem in holders:
                    if problem not in problems[name, kind]:
                        problems[name, kind].add(problem)
                        if len(kept[name, kind]) < examples:
                            example = Example(record.task_id, evaluation[name][problem].task_id, kind, excerpt[:_EXCERPT_LENGTH])
                            kept[name, kind].append(example)
            touched.update((name, kind) for name in names)
        for key in touched:
            trained[key] += 1
        if any(_is_leak(kind, templated=name in templated) for name, kind in touched):
            leaking.append(total - 1)
    return Contamination(
        training=total,
        unparsed=unparsed,
        leaking=tuple(leaking),
        sets={
            name: Overlap(
                count=len(records),
                hits={kind: len(problems[name, kind]) for kind in KINDS},
                training_hits={kind: trained[name, kind] for kind in KINDS},
                short=index.short[name],
                shared_ngrams=shared[name],
                templated=name in templated,
                examples=tuple(example for kind in KINDS for example in kept[name, kind]),
            )
            for name, records in evaluation.items()
        },
    )


Match = tuple[str, Gram | str, list[Problem], str]
"""Kind, what is in common (n-gram, text or fingerprint), who holds it, and how to show it."""


class _Index:
    """Everything of the evaluation sets that a training record may have in common with them."""

    def __init__(self, evaluation: Mapping[str, Sequence[CodeRecord]]) -> None:
        self.grams: dict[str, dict[Gram, list[Problem]]] = {"ngram_prompt": {}, "ngram_solution": {}}
        self.trees: dict[str, list[Problem]] = {}
        self.texts: dict[str, dict[str, list[Problem]]] = {kind: {} for kind in KINDS if kind.startswith("exact")}
        self.short = {name: {"prompt": 0, "solution": 0} for name in evaluation}
        for name, records in evaluation.items():
            for number, record in enumerate(records):
                self._add((name, number), record)

    def _add(self, problem: Problem, record: CodeRecord) -> None:
        for part, text, pattern in (("prompt", record.prompt, _WORD), ("solution", record.canonical_solution, _CODE)):
            grams = set(_grams(text, pattern))
            self.short[problem[0]][part] += not grams
            for gram in grams:
                self.grams[f"ngram_{part}"].setdefault(gram, []).append(problem)
        for kind, text in _texts(record):
            self.texts[kind].setdefault(text, []).append(problem)
        tree = function_hash(record.prompt + record.canonical_solution, record.entry_point)
        if tree is not None:
            self.trees.setdefault(tree, []).append(problem)

    def matches(self, record: CodeRecord) -> tuple[list[Match], bool]:
        """All that a training record has in common with problems, and whether it is valid Python."""
        whole = record.prompt + record.canonical_solution
        found: list[Match] = []
        for kind, pattern in (("ngram_prompt", _WORD), ("ngram_solution", _CODE)):
            known = self.grams[kind]
            found.extend((kind, gram, known[gram], " ".join(gram)) for gram in filter(known.__contains__, _grams(whole, pattern)))
        for kind, text in _texts(record):
            if text in self.texts[kind]:
                found.append((kind, text, self.texts[kind][text], text))
        tree = parse(whole)
        for node in tree.body if tree is not None else ():
            fingerprint = tree_hash(node) if isinstance(node, Definition) else None
            if fingerprint in self.trees:
                found.append(("ast", fingerprint, self.trees[fingerprint], " ".join(ast.unparse(node).split())))
        return found, tree is not None


def _grams(text: str, pattern: re.Pattern[str]) -> Iterator[Gram]:
    tokens = pattern.findall(text.lower())
    return zip(*(tokens[start:] for start in range(NGRAM_TOKENS)), strict=False)


def _texts(record: CodeRecord) -> Iterator[tuple[str, str]]:
    """The texts that are compared as a whole, white space made equal; empty ones do not count."""
    texts = {"prompt": record.prompt, "solution": record.canonical_solution, "whole": record.prompt + record.canonical_solution}
    for part, text in texts.items():
        plain = " ".join(text.split())
        if plain:
            yield f"exact_{part}", plain


_WORDING = {
    "exact_whole": "whole program{s} word for word",
    "exact_prompt": "prompt{s} word for word",
    "exact_solution": "solution{s} word for word",
    "ast": "program{s} up to names and layout",
    "ngram_solution": f"solution{{s}} with {NGRAM_TOKENS} tokens in a row",
    "ngram_prompt": f"prompt{{s}} with {NGRAM_TOKENS} words in a row",
}


def _sentence(name: str, overlap: Overlap, training: int) -> str:
    parts = [
        f"{overlap.hits[kind]} {wording.format(s='' if overlap.hits[kind] == 1 else 's')}"
        for kind, wording in _WORDING.items()
        if overlap.hits[kind]
    ]
    if not parts:
        return f"{name}: none of its {overlap.count} problems was found in the {training} training records."
    verdict = "a leak" if overlap.leaks else "expected of one grammar" if overlap.templated else "no leak by itself"
    shared = f"; {overlap.shared_ngrams} of the n-grams are shared by many of its problems" if overlap.shared_ngrams else ""
    return f"{name}: of its {overlap.count} problems the {training} training records hold {', '.join(parts)} ({verdict}{shared})."
