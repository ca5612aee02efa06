"""Examples as plain arrays, and the disjoint sets that a run uses."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from hrmlab.core.errors import UserError

LONGEST_ROW = 16_384
"""Tokens in an example, at most: memory and time of attention grow with their square."""


_BLOCK = 1 << 20


def blocks(rows: np.ndarray) -> Iterator[np.ndarray]:
    """The rows in order, in parts of which memory holds any."""
    step = max(1, _BLOCK // max(1, rows[:1].size))
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


def check_counts(**counts: int | None) -> None:
    """Refuse numbers of examples that leave a split empty; None stands for the default.

    Raises:
        UserError: a number below 1.
    """
    for split, count in counts.items():
        if count is not None and count < 1:
            raise UserError(f"data.{split}_examples={count} leaves the {split} set empty; give at least 1, or null for the default")


def check_length(length: int, *, where: str) -> None:
    """Refuse rows that no machine could attend over.

    Args:
        length: tokens in a row.
        where: what says so, for the message.

    Raises:
        UserError: more than ``LONGEST_ROW``.
    """
    if length > LONGEST_ROW:
        raise UserError(f"{where} has rows of {length} tokens and attention grows with their square; use rows of at most {LONGEST_ROW}")


@dataclass(frozen=True, kw_only=True, eq=False)
class ExampleSet:
    """N examples of S tokens. Rows that memory need not hold are an ``np.memmap``: who goes through all of them takes them by
    :meth:`blocks`, training takes those that it draws, and nobody writes to them.

    Attributes:
        inputs: (N, S) int32 token ids (memory-mapped, any integers).
        labels: (N, S) likewise, ``IGNORED_LABEL`` where nothing is asked.
        puzzle_ids: (N,) int32 ids for the puzzle embedding; all zero for tasks without identifiers.
        ratings: (N,) float32 difficulty, NaN where unknown.
        sources: (N,) str, where each puzzle comes from.
        classes: (N,) uint64 symmetry-class fingerprints, equal for examples that are symmetric images of each other.
        groups: (N,) int32, equal for rows that belong together (the views and pairs of one task): training draws a group, then one of its
            rows; judging a split may count groups instead of rows. -1 for rows that stand alone.
        weights: (N,) float64 above 0: how often training draws each row, in proportion; all the same where nothing was said.
    """

    inputs: np.ndarray
    labels: np.ndarray
    puzzle_ids: np.ndarray
    ratings: np.ndarray
    sources: np.ndarray
    classes: np.ndarray
    groups: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.inputs)

    def select(self, indices: np.ndarray) -> "ExampleSet":
        """The rows at these indices (or under this boolean mask), in that order."""
        return ExampleSet(**{name: getattr(self, name)[indices] for name in self.__dataclass_fields__})

    def widened(self) -> "ExampleSet":
        """The same examples with int32 tokens; readers and generators work in uint8."""
        return replace(self, inputs=self.inputs.astype(np.int32), labels=self.labels.astype(np.int32))

    @property
    def on_disk(self) -> bool:
        """Whether inputs and labels are memory-mapped."""
        return isinstance(self.inputs, np.memmap)

    def content_hash(self) -> str:
        """16 hex digits that depend on every input, label and puzzle id and on their order."""
        digest = hashlib.blake2b(digest_size=8)
        for array in (self.inputs, self.labels, self.puzzle_ids):
            digest.update(str(array.shape).encode())
            for block in blocks(array):
                digest.update(np.ascontiguousarray(block, "<i4").tobytes())
        return digest.hexdigest()

    def class_hash(self) -> str:
        """16 hex digits that depend on the set of symmetry classes only, not on their order or repetition."""
        return hashlib.blake2b(np.unique(self.classes).astype("<u8").tobytes(), digest_size=8).hexdigest()


def make_set(
    *,
    inputs: np.ndarray,
    labels: np.ndarray,
    classes: np.ndarray,
    ratings: np.ndarray | None = None,
    sources: np.ndarray | str = "",
    puzzle_ids: np.ndarray | None = None,
    groups: np.ndarray | None = None,
    weights: np.ndarray | None = None,
) -> ExampleSet:
    """A :class:`ExampleSet` with defaults filled in: ratings NaN, puzzle ids 0, one source name for all rows, no groups, weights 1."""
    count = len(inputs)
    return ExampleSet(
        inputs=inputs,
        labels=labels,
        classes=classes.astype(np.uint64),
        ratings=np.full(count, np.nan, np.float32) if ratings is None else ratings.astype(np.float32),
        sources=np.full(count, sources) if isinstance(sources, str) else sources,
        puzzle_ids=np.zeros(count, np.int32) if puzzle_ids is None else puzzle_ids.astype(np.int32),
        groups=np.full(count, -1, np.int32) if groups is None else groups.astype(np.int32),
        weights=np.ones(count) if weights is None else weights.astype(np.float64),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Splits:
    """The sets of one run; no symmetry class is in two of them.

    Attributes:
        class_rule: one sentence that says which puzzles count as the same.
        source: ``generated``, ``file`` or ``hub``.
        other_tests: further test sets by name, such as ``test_deeper``.
        train_classes: (M,) uint64 classes of the training examples, where a row holds several; None: those of the rows.
        shared_on_purpose: why splits share examples, where a protocol wants it so; empty otherwise.
        protocol: what a reader must know of how the sets were made and no overlap shows, for the fairness card; often empty.
        dropped: rows left out of a split because their class is in another one, e.g. ``{"train": 60}``; zero counts are absent.
    """

    train: ExampleSet
    validation: ExampleSet
    test: ExampleSet
    class_rule: str
    source: str
    other_tests: dict[str, ExampleSet] = field(default_factory=dict)
    train_classes: np.ndarray | None = None
    shared_on_purpose: str = ""
    protocol: str = ""
    dropped: dict[str, int] = field(default_factory=dict)

    def sets(self) -> dict[str, ExampleSet]:
        """All sets by name: train, validation, test, and the other tests."""
        return {"train": self.train, "validation": self.validation, "test": self.test, **self.other_tests}

    def classes(self, name: str) -> np.ndarray:
        """The symmetry classes of a set, uint64."""
        return self.train_classes if name == "train" and self.train_classes is not None else self.sets()[name].classes
