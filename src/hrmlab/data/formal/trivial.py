"""Answers without the skill that a language asks for."""

import numpy as np

from hrmlab.core.randomness import stream
from hrmlab.data.completions import Completions
from hrmlab.data.formal.languages import Dyck, Language
from hrmlab.data.trivial import Trivial


def guessed_symbols(notation: Completions, language: Language, questions: list[str], answers: list[str]) -> Trivial:
    """The right number of symbols, each of them drawn from those that may stand in an answer; with its exact expectation."""
    answering, random = language.answering, stream(0, "formal", "guessed symbols")
    drawn = ["".join(answering[index] for index in random.integers(len(answering), size=len(answer))) for answer in answers]
    sizes, kinds = np.array([len(answer) for answer in answers]), len(answering)
    return Trivial(
        name="guess the symbols",
        meaning="as many symbols as the answer has, each drawn from those that may stand there",
        answers=notation.answered(questions, drawn),
        expected={
            "exact_accuracy": float(np.mean(float(kinds) ** -sizes)),
            "cell_accuracy": float((sizes / kinds + 1).sum() / (sizes + 1).sum()),
        },
    )


def close_everything(notation: Completions, language: Dyck, questions: list[str]) -> Trivial:
    """Every bracket that was opened is closed, the latest first, as if none of them were closed yet."""
    closed = ["".join(language.closing[bracket] for bracket in reversed(question) if bracket in language.closing) for question in questions]
    return Trivial(
        name="close everything",
        meaning="every bracket that was opened is closed, the latest first, as if none were closed yet",
        answers=notation.answered(questions, closed),
    )
