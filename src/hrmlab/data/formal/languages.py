"""The languages: what their words are, how the beginning of one is drawn, and how the shortest word goes on from there.

A question is the beginning of a word, its answer the shortest rest that makes it a word; both are text. The rest is unique in each of these
languages, so an answer is right or wrong without a judge. Dyck words and a^n b^n are context-free, copying is not; parity is regular
(Deletang et al. 2023, "Neural networks and the Chomsky hierarchy", compares them as tests of length generalisation).
"""

import math
from abc import ABC, abstractmethod
from functools import cache
from typing import ClassVar, Literal

import numpy as np

from hrmlab.core.errors import UserError

Name = Literal["anbn", "dyck", "copy", "parity"]


class Language(ABC):
    """One language over single characters.

    Attributes:
        alphabet: every symbol of its words.
        answering: those of them that stand in answers.
        shortest, step: word lengths are ``shortest``, ``shortest + step``, ...
    """

    alphabet: str
    answering: str
    shortest: ClassVar[int]
    step: ClassVar[int]

    def lengths(self, low: int, high: int) -> range:
        """The lengths of words from ``low`` to ``high`` symbols, both included."""
        first = self.shortest + max(0, math.ceil((low - self.shortest) / self.step)) * self.step
        return range(first, high + 1, self.step)

    @abstractmethod
    def draw(self, random: np.random.Generator, length: int) -> str:
        """The beginning, at least one symbol, of a word of this length that is the shortest to begin so."""

    @abstractmethod
    def answer(self, question: str) -> str | None:
        """The shortest rest of a word that begins so, maybe empty; None where no question of this language is like that."""


class EqualCounts(Language):
    """a^n b^n for n of at least 1: some a and at most as many b are given."""

    alphabet, answering = "ab", "b"
    shortest, step = 2, 2

    def draw(self, random: np.random.Generator, length: int) -> str:
        """Every number of given b is as likely."""
        count = length // 2
        return "a" * count + "b" * int(random.integers(count + 1))

    def answer(self, question: str) -> str | None:
        """See :meth:`Language.answer`."""
        opened = len(question) - len(question.lstrip("a"))
        closed = len(question) - opened
        return "b" * (opened - closed) if question == "a" * opened + "b" * closed and opened >= max(closed, 1) else None


class Dyck(Language):
    """Balanced brackets of several kinds: whatever is open has to be closed, the latest first.

    Args:
        kinds: of brackets, 1 to 4.
    """

    shortest, step = 2, 2
    PAIRS: ClassVar[str] = "()[]{}<>"

    def __init__(self, kinds: int) -> None:
        self.alphabet = self.PAIRS[: 2 * kinds]
        self.answering = self.alphabet[1::2]
        self.closing = dict(zip(self.alphabet[::2], self.answering, strict=True))

    def draw(self, random: np.random.Generator, length: int) -> str:
        """Every number of brackets left open is as likely, and among the beginnings that leave so many every one."""
        left_open = int(random.integers(length // 2 + 1))
        opening, still_open, written = self.alphabet[::2], [], []
        for left in range(length - left_open, 0, -1):
            if random.random() < _share_of_openings(len(still_open), left_open, left):
                still_open.append(opening[random.integers(len(opening))])
                written.append(still_open[-1])
            else:
                written.append(self.closing[still_open.pop()])
        return "".join(written)

    def answer(self, question: str) -> str | None:
        """See :meth:`Language.answer`."""
        still_open: list[str] = []
        for bracket in question:
            if bracket in self.closing:
                still_open.append(self.closing[bracket])
            elif not still_open or bracket != still_open.pop():
                return None
        return "".join(reversed(still_open)) if question else None


class Copy(Language):
    """w#w: the text before the mark once more behind it.

    Args:
        kinds: of letters, 1 to 26.
    """

    shortest, step = 3, 2
    MARK: ClassVar[str] = "#"
    LETTERS: ClassVar[str] = "abcdefghijklmnopqrstuvwxyz"

    def __init__(self, kinds: int) -> None:
        self.answering = self.LETTERS[:kinds]
        self.alphabet = self.answering + self.MARK

    def draw(self, random: np.random.Generator, length: int) -> str:
        """Every text is as likely."""
        return "".join(self.answering[index] for index in random.integers(len(self.answering), size=length // 2)) + self.MARK

    def answer(self, question: str) -> str | None:
        """See :meth:`Language.answer`."""
        text = question[:-1]
        return text if text and question[-1] == self.MARK and set(text) <= set(self.answering) else None


class Parity(Language):
    """Zeros and ones, the mark, and 1 where the ones are odd in number, else 0."""

    alphabet, answering = "01=", "01"
    shortest, step = 3, 1
    MARK: ClassVar[str] = "="

    def draw(self, random: np.random.Generator, length: int) -> str:
        """Every row of bits is as likely."""
        return "".join("01"[bit] for bit in random.integers(2, size=length - 2)) + self.MARK

    def answer(self, question: str) -> str | None:
        """See :meth:`Language.answer`."""
        bits = question[:-1]
        return str(bits.count("1") % 2) if bits and question[-1] == self.MARK and set(bits) <= {"0", "1"} else None


def choose_language(name: Name, kinds: int | None) -> Language:
    """The language with this name.

    Args:
        kinds: of brackets or letters; None for the usual number.

    Raises:
        UserError: there is no such language, or it has no such number of kinds.
    """
    if name in ("anbn", "parity"):
        if kinds is not None:
            raise UserError(
                f"data.kinds={kinds} is for data.language=dyck (brackets) and copy (letters); {name} has no kinds: leave it out"
            )
        return EqualCounts() if name == "anbn" else Parity()
    if name not in ("dyck", "copy"):
        raise UserError(f"data.language={name} does not exist; use anbn, dyck, copy or parity")
    usual, most, what = (2, len(Dyck.PAIRS) // 2, "brackets") if name == "dyck" else (4, len(Copy.LETTERS), "letters")
    if kinds is not None and not 1 <= kinds <= most:
        raise UserError(f"data.kinds={kinds} is out of range; data.language={name} has 1 to {most} kinds of {what}")
    return Dyck(kinds or usual) if name == "dyck" else Copy(kinds or usual)


@cache
def _share_of_openings(height: int, end: int, steps: int) -> float:
    """Of all ways from one height to another that never go below 0, the share that begins by going up."""
    return _ways(height + 1, end, steps - 1) / _ways(height, end, steps)


def _ways(height: int, end: int, steps: int) -> int:
    """Number of such ways in so many steps of 1 up or down, by the reflection principle."""
    if (steps + end - height) % 2 or abs(end - height) > steps:
        return 0
    return math.comb(steps, (steps + end - height) // 2) - math.comb(steps, (steps + end + height + 2) // 2)
