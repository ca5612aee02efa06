"""Rows in which a question is followed by blanks, and asked is what stands in them up to an end sign.

Tokens: 0 blank, 1 end, then the characters of an alphabet. All blanks look the same, so a question does not tell how long its answer is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hrmlab.core.task import IGNORED_LABEL

BLANK, END = 0, 1


@dataclass(frozen=True, kw_only=True)
class Completions:
    """Texts as rows of one length and back.

    Attributes:
        alphabet: every character that texts may hold, in the order of its tokens.
        length: tokens in a row.
        next_token: whether the answer is read as well and every label is the token that follows; else the answer stands in blanks.
        blank, end: how these two are shown.
    """

    alphabet: str
    length: int
    next_token: bool = False
    blank: str = "."
    end: str = "$"

    @property
    def vocabulary_size(self) -> int:
        """Token ids."""
        return len(self.alphabet) + 2

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {character: token for token, character in enumerate(self.alphabet, start=2)}

    def tokens(self, text: str) -> list[int]:
        """The ids of characters that all are in the alphabet."""
        return [self._ids[character] for character in text]

    def text(self, tokens: np.ndarray) -> str:
        """(S,) ids as one character each, without the blanks at the end."""
        shown = (self.blank, self.end, *self.alphabet)
        filled = np.flatnonzero(tokens != BLANK)
        kept = tokens[: filled[-1] + 1] if len(filled) else tokens[:0]
        return "".join(shown[token] if 0 <= token < len(shown) else "?" for token in kept.tolist())

    def questions(self, questions: Sequence[str]) -> np.ndarray:
        """(N, S) int32: questions followed by blanks."""
        rows = np.full((len(questions), self.length), BLANK, np.int32)
        for row, question in zip(rows, questions, strict=True):
            row[: len(question)] = self.tokens(question)
        return rows

    def rows(self, questions: Sequence[str], answers: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """(N, S) int32 inputs and labels; asked are the answer and its end, and nothing else.

        Where the labels are the next tokens the inputs hold the answers too and every label stands one place earlier.
        """
        inputs, labels = self.questions(questions), np.full((len(questions), self.length), IGNORED_LABEL, np.int32)
        for row, (question, answer) in enumerate(zip(questions, answers, strict=True)):
            start, rest = len(question), self.tokens(answer)
            first = start - self.next_token
            labels[row, first : first + len(rest) + 1] = [*rest, END]
            if self.next_token:
                inputs[row, start : start + len(rest)] = rest
        return inputs, labels

    def answered(self, questions: Sequence[str], answers: Sequence[str]) -> np.ndarray:
        """(N, S) int32: answers and their ends where questions ask for them, cut off where a row ends; 0 elsewhere."""
        rows = np.full((len(questions), self.length), BLANK, np.int32)
        for row, question, answer in zip(rows, questions, answers, strict=True):
            first = len(question) - self.next_token
            written = [*self.tokens(answer), END][: self.length - first]
            row[first : first + len(written)] = written
        return rows

    def completed(self, inputs: np.ndarray, answer: np.ndarray) -> np.ndarray:
        """(S,) the question with what an answer (S,) says in its blanks, up to the end."""
        written = np.where(inputs == BLANK, answer, inputs)
        ends = np.flatnonzero(written == END)
        return np.where(np.arange(len(written)) > ends[0], BLANK, written) if len(ends) else written

    def question_and_answer(self, inputs: np.ndarray, labels: np.ndarray) -> tuple[str, str]:
        """The texts that a row (S,) of :meth:`rows` was made of."""
        asked = np.flatnonzero(labels != IGNORED_LABEL)
        return self.text(inputs[: asked[0] + self.next_token]), self.text(labels[asked[:-1]])
