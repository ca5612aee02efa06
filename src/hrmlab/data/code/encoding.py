"""Records as rows of token ids: ``<problem> prompt <solution> solution <end>``, one to a row or packed."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from hrmlab.core.randomness import stream
from hrmlab.core.task import IGNORED_LABEL
from hrmlab.data.written.record import CodeRecord
from hrmlab.data.written.tokenizer import END, PAD, PROBLEM, SOLUTION, Tokenizer

Asked = Literal["solution", "everything"]


class Document(NamedTuple):
    """A record as ids.

    Attributes:
        ids: all of it, special tokens included.
        solution_start: index of the first id of the solution.
    """

    ids: list[int]
    solution_start: int


class Rows(NamedTuple):
    """(N, S) int32 inputs and labels; the label of a position is the next token of its document, where that is asked."""

    inputs: np.ndarray
    labels: np.ndarray


def prompt_ids(prompt: str, tokenizer: Tokenizer) -> list[int]:
    """What a model reads before it writes a solution."""
    return [PROBLEM, *tokenizer.encode(prompt), SOLUTION]


def document(record: CodeRecord, tokenizer: Tokenizer) -> Document:
    """A record as ids."""
    prompt = prompt_ids(record.prompt, tokenizer)
    return Document([*prompt, *tokenizer.encode(record.canonical_solution), END], len(prompt))


def fits(item: Document, sequence_length: int) -> bool:
    """Whether a row holds the document: its last token is only ever a label."""
    return len(item.ids) <= sequence_length + 1


def padded_rows(documents: Sequence[Document], *, sequence_length: int, asked: Asked) -> Rows:
    """One document to a row, filled up with PAD."""
    return _rows([[item] for item in documents], sequence_length=sequence_length, asked=asked)


def packed_rows(documents: Sequence[Document], *, sequence_length: int, asked: Asked, seed: int) -> Rows:
    """Several documents to a row: each goes, in random order, into the first row that has room for it."""
    rows: list[list[Document]] = []
    rooms: list[int] = []
    open_from = 0
    for number in stream(seed, "code", "packing").permutation(len(documents)):
        item = documents[number]
        need = len(item.ids) - 1
        place = next((at for at in range(open_from, len(rows)) if rooms[at] >= need), None)
        if place is None:
            rows.append([])
            rooms.append(sequence_length)
            place = len(rows) - 1
        rows[place].append(item)
        rooms[place] -= need
        # Looking through the last few dozen open rows is as good as through all, and does not grow with their number.
        open_from = max(open_from, len(rows) - 64)
    return _rows(rows, sequence_length=sequence_length, asked=asked)


def _rows(rows: Sequence[Sequence[Document]], *, sequence_length: int, asked: Asked) -> Rows:
    inputs = np.full((len(rows), sequence_length), PAD, dtype=np.int32)
    labels = np.full((len(rows), sequence_length), IGNORED_LABEL, dtype=np.int32)
    for number, items in enumerate(rows):
        start = 0
        for item in items:
            length = len(item.ids) - 1
            inputs[number, start : start + length] = item.ids[:-1]
            first = item.solution_start - 1 if asked == "solution" else 0
            labels[number, start + first : start + length] = item.ids[first + 1 :]
            start += length
    return Rows(inputs, labels)
