"""Documents as rows of tokens, cut where a row ends: one stream for training, each document by itself for validation and test."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hrmlab.core.task import IGNORED_LABEL
from hrmlab.data.code.encoding import Asked, Document
from hrmlab.data.corpus.arrow import RowWriter
from hrmlab.data.written.tokenizer import PAD

_ROWS_AT_ONCE = 256


class Pieces(NamedTuple):
    """(n, S) inputs and labels; the label of a position is the next token of its document, where that is asked."""

    inputs: np.ndarray
    labels: np.ndarray


def pieces(item: Document, *, sequence_length: int, asked: Asked) -> Pieces:
    """One document in as many rows as it takes; the last is filled up with PAD."""
    return _filled(_pairs(item, asked), sequence_length)


def _pairs(item: Document, asked: Asked) -> Pieces:
    """(n,) what is read and what is asked at every position of a document."""
    ids = np.array(item.ids, np.int32)
    labels = ids[1:].copy()
    if asked == "solution":
        labels[: item.solution_start - 1] = IGNORED_LABEL
    return Pieces(ids[:-1], labels)


def write_stream(path: Path, items: Iterable[Document], *, sequence_length: int, vocabulary_size: int, asked: Asked) -> int:
    """Write documents one after another into rows that are all full, but for the last, which is filled up with PAD.

    A document that does not end in its row goes on in the next, where what it began with is not seen.

    Args:
        path: of the Arrow file, with the columns ``inputs`` and ``labels``; none is made where there is no document.

    Returns:
        how many rows there are.
    """
    kind = np.dtype(np.int16 if vocabulary_size <= np.iinfo(np.int16).max else np.int32)
    with RowWriter(path, dict.fromkeys(("inputs", "labels"), (kind, sequence_length))) as writer:
        held: list[Pieces] = []
        size = 0
        for item in items:
            held.append(_pairs(item, asked))
            size += len(held[-1].inputs)
            if size >= _ROWS_AT_ONCE * sequence_length:
                stream = _joined(held)
                whole = size - size % sequence_length
                writer.add(**_filled(Pieces(stream.inputs[:whole], stream.labels[:whole]), sequence_length)._asdict())
                held, size = [Pieces(stream.inputs[whole:], stream.labels[whole:])], size - whole
        if size:
            writer.add(**_filled(_joined(held), sequence_length)._asdict())
    return writer.rows


def _joined(parts: Sequence[Pieces]) -> Pieces:
    return Pieces(np.concatenate([part.inputs for part in parts]), np.concatenate([part.labels for part in parts]))


def _filled(stream: Pieces, sequence_length: int) -> Pieces:
    """(n,) positions as rows, of which the last is filled up with PAD."""
    space = -len(stream.inputs) % sequence_length
    inputs = np.pad(stream.inputs, (0, space), constant_values=PAD)
    labels = np.pad(stream.labels, (0, space), constant_values=IGNORED_LABEL)
    return Pieces(inputs.reshape(-1, sequence_length), labels.reshape(-1, sequence_length))
