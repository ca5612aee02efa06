"""What a task wants drawn of an answer: grids in rows, and what stands above each."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One grid of symbols.

    Attributes:
        title: one line above it.
        text: one character for each cell, row by row.
        grid: rows and columns.
        right: whether it is a right answer; None for what is no answer.
    """

    title: str
    text: str
    grid: tuple[int, int]
    right: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """One picture.

    Attributes:
        name: of the file, without an ending.
        kind: of the folder that such pictures lie in, such as ``solved``.
        title: above it all.
        rows: the panels of each row.
    """

    name: str
    kind: str
    title: str
    rows: tuple[tuple[Panel, ...], ...]
