"""Reads tables of puzzles: CSV or CSV.gz with the columns question and answer, and optionally rating, source and weight.

All but weight are the columns of the published Sudoku-Extreme and Maze-Hard sets. Further columns are passed over.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np

from hrmlab.core.errors import UserError
from hrmlab.data.contradiction import two_answers
from hrmlab.data.text_file import read_text

_LARGEST_RATING = float(np.finfo(np.float32).max)


@dataclass(frozen=True, kw_only=True)
class Table:
    """The text of N puzzles.

    Attributes:
        where: the file's or data set's name for messages.
        questions: N strings.
        answers: N strings; empty when there is no such column.
        ratings: (N,) float32, NaN where not given.
        sources: (N,) str.
        weights: (N,) float64 above 0, 1 where there is no such column: how often training draws a row, in proportion.
        single: it is one question on its own, not a table, so messages name no row.
    """

    where: str
    questions: list[str]
    answers: list[str]
    ratings: np.ndarray
    sources: np.ndarray
    weights: np.ndarray
    single: bool = False

    def refuse(self, row: int, reason: str) -> NoReturn:
        """Raise for the row with this index from 0.

        Raises:
            UserError: always.
        """
        raise UserError(f"{self.where}{'' if self.single else f', {_place(row)}'}: {reason}")

    def refuse_two_answers(self, questions: np.ndarray, answers: np.ndarray) -> None:
        """Raise where a question stands in two rows with different answers; both (N, cells) integers.

        Raises:
            UserError: there is such a question.
        """
        found = two_answers(questions, answers)
        if found is not None:
            earlier, later = found
            self.refuse(later, f"the question is that of row {earlier + 1} and the answer another; leave one of the two rows out")


def _place(row: int) -> str:
    return f"row {row + 1} (counted from 1 below the header)"


def single_question(text: str) -> Table:
    """One question, as it stands in a table's column, or with its lines one below the other."""
    question = text.replace("\r", "").replace("\n", "")
    shown = question if len(question) <= 24 else f"{question[:24]}..."
    empty = np.full(1, np.nan, np.float32)
    return Table(
        where=f"'{shown}'", questions=[question], answers=[], ratings=empty, sources=np.array([""]), weights=np.ones(1), single=True
    )


def read_table(path: str | Path, *, labelled: bool) -> Table:
    """Read a CSV or CSV.gz file.

    Args:
        labelled: an answer column is required; otherwise it is not looked at.

    Raises:
        UserError: the file is missing, unreadable, not UTF-8, not such a table, or empty.
    """
    where = str(path)
    text = _text(Path(path))
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows = _records(reader, where)
    header = [name.strip() for name in next(rows, [])]
    needed = ["question", "answer"] if labelled else ["question"]
    for name in needed:
        if name not in header:
            found = ", ".join(header[:8])[:120] or "nothing"
            raise UserError(
                f"{where} has no column '{name}' in its first line (found: {found}); it must be a comma-separated table "
                f"whose header names {' and '.join(needed)}"
            )
    columns = {name: header.index(name) for name in ("question", "answer", "rating", "source", "weight") if name in header}
    records = []
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise UserError(
                f"{where}, row {number} (counted from 1 below the header): it has {len(row)} fields where the header has {len(header)}; "
                "correct the row, quoting any field that contains a comma"
            )
        records.append(row)
    if not records:
        raise UserError(f"{where} has a header but no rows; give at least one puzzle")
    column = {name: [row[position] for row in records] for name, position in columns.items()}
    return make_table(
        where=where,
        questions=column["question"],
        answers=column["answer"] if labelled else [],
        ratings=column.get("rating"),
        sources=column.get("source") or [Path(path).name.split(".")[0]] * len(records),
        weights=column.get("weight"),
    )


def make_table(
    *, where: str, questions: list[str], answers: list[str], ratings: list | None, sources: list[str], weights: list | None = None
) -> Table:
    """A :class:`Table` with its ratings and weights parsed.

    Raises:
        UserError: a rating is not a number, or a weight not a positive one.
    """
    values, weighed = np.full(len(questions), np.nan, np.float32), np.ones(len(questions))
    table = Table(
        where=where, questions=questions, answers=answers, ratings=values, sources=np.array(sources, dtype=np.str_), weights=weighed
    )
    for row, weight in enumerate(weights or []):
        try:
            weighed[row] = float("nan" if weight is None else weight)
        except (TypeError, ValueError):
            weighed[row] = np.nan
        if not 0 < weighed[row] < np.inf:
            shown = "" if weight is None else str(weight)[:40]
            table.refuse(row, f"the weight '{shown}' is not a positive finite number; give every row one, or leave the column weight out")
    for row, rating in enumerate(ratings or []):
        if rating is None or rating == "":
            continue
        try:
            value = float(rating)
        except ValueError:
            table.refuse(row, f"the rating '{str(rating)[:40]}' is not a number; correct it or leave the field empty")
        if not abs(value) <= _LARGEST_RATING:
            table.refuse(row, f"the rating '{str(rating)[:40]}' is not a finite number; correct it or leave the field empty")
        values[row] = value
    return table


def _text(path: Path) -> str:
    text = read_text(path, what="a CSV file")
    if not text.strip():
        raise UserError(f"{path} is empty; give a table with a header and at least one puzzle")
    return text


def _records(reader: Iterator[list[str]], where: str) -> Iterator[list[str]]:
    """Non-blank rows."""
    try:
        for row in reader:
            if row:
                yield row
    except csv.Error as error:
        line = getattr(reader, "line_num", "?")
        raise UserError(
            f"{where}, line {line} of the file: it is not valid CSV ({error}); correct the quoting or save it as CSV again"
        ) from error


def encode_text(table: Table, column: str, *, tokens: dict[str, int], length: int, expected: str) -> np.ndarray:
    """Turn one text column into tokens.

    Args:
        column: ``question`` or ``answer``.
        tokens: id of each character that may stand there.
        length: characters in every field.
        expected: what a field should be, for messages, e.g. ``81 characters of a 9x9 grid``.

    Returns:
        (N, length) uint8.

    Raises:
        UserError: wrong length or foreign character, with its row.
    """
    texts = table.questions if column == "question" else table.answers
    for row, text in enumerate(texts):
        if len(text) != length:
            table.refuse(row, f"the {column} has {len(text)} characters instead of {expected}; correct the row or data.side")
    lookup = np.full(256, 255, np.uint8)
    for character, token in tokens.items():
        lookup[ord(character)] = token
    codes = lookup[np.frombuffer("".join(texts).encode("latin-1", "replace").replace(b"?", b"\xff"), np.uint8)].reshape(len(texts), length)
    bad = codes == 255
    if bad.any():
        row, cell = np.argwhere(bad)[0].tolist()
        known = " ".join(repr(character) for character in tokens)
        table.refuse(row, f"the {column} has the character {texts[row][cell]!r} at cell {cell + 1}; only {known} may stand there")
    return codes
