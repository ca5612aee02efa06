"""Draws distinct questions for each split. A question belongs to one split by its hash, so no count of one changes another."""

from hrmlab.core.errors import UserError
from hrmlab.core.randomness import stream, stream_key
from hrmlab.data.formal.languages import Language

USUAL_COUNTS = {"train": 1000, "validation": 200, "test": 500, "test_longer": 500}
"""Questions in each set unless told; fewer where the language has no more words."""

_SHARES = {"test": (0.0, 0.25), "validation": (0.25, 0.35), "train": (0.35, 1.0)}
"""Which part of all questions each split draws from."""

_PATIENCE = 3_000
"""Draws in a row that may bring nothing new before a language is taken to have no more words of these lengths."""


def draw_questions(
    *, language: Language, name: str, length: int, longer: int, counts: dict[str, int | None], seed: int
) -> dict[str, list[str]]:
    """Distinct questions of ``train``, ``validation``, ``test`` (words of up to ``length`` symbols) and ``test_longer`` (up to ``longer``).

    Args:
        name: of the language, for its random streams.
        counts: wanted in ``train``, ``validation`` and ``test`` (the latter also for ``test_longer``); None for the usual ones, or as
            many as there are.
        seed: chooses the questions and which split they belong to.

    Raises:
        UserError: fewer words than asked for, or none.
    """
    found = {}
    for split, usual in USUAL_COUNTS.items():
        wanted = counts["test" if split == "test_longer" else split]
        lengths = language.lengths(length + 1, longer) if split == "test_longer" else language.lengths(0, length)
        found[split] = _distinct(language, name, lengths, split, wanted or usual, seed)
        short = len(found[split]) < (wanted or 1)
        if short and not (split == "test_longer" and found[split]):  # there may be fewer long words than short ones: a^n b^n
            key = "data.longer" if split == "test_longer" else "data.length"
            asked = f"data.{split}_examples={wanted} were asked for" if wanted else "at least 1 is needed"
            raise UserError(
                f"data.language={name} has only {len(found[split])} questions of {lengths.start} to {lengths[-1]} symbols for {split} "
                f"where {asked}; ask for fewer or raise {key}"
            )
    return found


def _distinct(language: Language, name: str, lengths: range, split: str, count: int, seed: int) -> list[str]:
    low, high = _SHARES.get(split, (0.0, 1.0))
    random = stream(seed, "formal", name, split)
    found: dict[str, None] = {}
    in_vain = 0
    while len(found) < count and in_vain < _PATIENCE:
        question = language.draw(random, lengths[random.integers(len(lengths))])
        share = stream_key(seed, "formal", "split", question) / 2**63
        fresh = low <= share < high and question not in found
        in_vain = 0 if fresh else in_vain + 1
        if fresh:
            found[question] = None
    return list(found)
