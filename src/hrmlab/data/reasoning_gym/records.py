"""Questions with their answers for each split, drawn once and kept in the cache.

Seeds of reasoning-gym overlap (its example i of seed s is example i - 1 of seed s + 1) and it repeats questions, so splits are made by
content: all come from one seed, a question that was seen before is passed over, and its hash says which split it may be in.
"""

import ast
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hrmlab.core.errors import UserError
from hrmlab.core.progress import progress_bar
from hrmlab.core.randomness import stream_key
from hrmlab.data.cache import cached_text
from hrmlab.data.reasoning_gym.characters import written_out
from hrmlab.data.reasoning_gym.generator import examples, make_generator, version

VERSION = 1
"""Raise when other examples are drawn for the same parameters."""

USUAL_COUNTS = {"train": 1000, "validation": 200, "test": 500}
"""Questions in each split unless told; fewer where the generator has no more."""

_SHARES = {"test": (0.0, 0.25), "validation": (0.25, 0.35), "train": (0.35, 1.0)}
"""Which part of all questions each split draws from."""

_PATIENCE = 2_000
"""Examples in a row that may bring nothing new before a generator is taken to have no more."""


@dataclass(frozen=True)
class Question:
    """One example.

    Attributes:
        split: train, validation or test.
        question, answer: in the characters that tokens stand for.
        index: its place among the generator's examples.
        entry: the example as its scorer needs it, as a Python literal; None where it is no literal and has to be made again.
    """

    split: str
    question: str
    answer: str
    index: int
    entry: str | None


def generator_seed(name: str, seed: int) -> int:
    """The one seed of a generator behind all splits of ``data.seed``."""
    return stream_key(seed, "reasoning_gym", name) % 2**31


def draw_questions(
    *, name: str, options: Mapping[str, Any], counts: Mapping[str, int | None], longest: int | None, seed: int
) -> tuple[list[Question], dict[str, int]]:
    """The questions of all splits, and how many of each were left out because they do not fit.

    Args:
        name, options: the generator.
        counts: wanted in each split; None for the usual numbers, or as many as there are.
        longest: characters of question and answer together, at most; None for any.
        seed: ``data.seed``.

    Raises:
        MissingExtra: the package is not installed.
        UserError: there is no such generator, or it has too few questions.
    """
    parameters = {
        "version": VERSION,
        "reasoning_gym": version(),
        "dataset": name,
        "options": dict(options),
        "counts": dict(counts),
        "longest": longest,
        "seed": seed,
    }

    def build() -> str:
        found, dropped = _draw(name, options, counts, longest, seed)
        return "\n".join(json.dumps(value) for value in (dropped, *map(asdict, found)))

    first, *lines = cached_text("reasoning_gym", parameters, build, suffix="jsonl").split("\n")
    return [Question(**json.loads(line)) for line in lines], json.loads(first)


def _draw(
    name: str, options: Mapping[str, Any], counts: Mapping[str, int | None], longest: int | None, seed: int
) -> tuple[list[Question], dict[str, int]]:
    wanted = {split: counts[split] or usual for split, usual in USUAL_COUNTS.items()}
    total = sum(wanted.values())
    own_seed = generator_seed(name, seed)
    generator = make_generator(name, options, seed=own_seed, size=10 * total + _PATIENCE)
    found: dict[str, list[Question]] = {split: [] for split in wanted}
    dropped = dict.fromkeys(wanted, 0)
    seen: set[str] = set()
    in_vain = 0
    with progress_bar(f"generating {name}", total, shown=True) as advance:
        for index, entry in enumerate(examples(generator, name, seed=own_seed)):
            if in_vain >= _PATIENCE or all(len(found[split]) == count for split, count in wanted.items()):
                break
            in_vain += 1
            question = written_out(str(entry["question"]))
            share = stream_key(seed, "reasoning_gym", "split", question) / 2**63
            split = next(split for split, (low, high) in _SHARES.items() if low <= share < high)
            if question in seen or len(found[split]) == wanted[split]:
                continue
            seen.add(question)
            answer = written_out(str(entry["answer"]))
            if longest is not None and len(question) + len(answer) > longest:
                dropped[split] += 1
                continue
            found[split].append(Question(split, question, answer, index, _literal(entry)))
            in_vain = 0
            advance(1)
    for split, questions in found.items():
        if len(questions) < (counts[split] or 1):
            fit = "" if longest is None else f" that fit into data.sequence_length={longest + 1}"
            raise UserError(
                f"data.dataset={name} gave only {len(questions)} different questions{fit} for {split} where "
                f"{counts[split] or 'at least 1'} are needed; ask for fewer, or give data.options that allow more"
            )
    return [question for questions in found.values() for question in questions], {name: count for name, count in dropped.items() if count}


def _literal(entry: dict[str, Any]) -> str | None:
    """The example as a literal that reads back as the same; None where there is none."""
    text = repr(entry)
    try:
        return text if ast.literal_eval(text) == entry else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
