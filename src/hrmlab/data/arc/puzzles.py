"""Puzzles of ARC as values, and the check that what was read is one."""

import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hrmlab.core.errors import UserError
from hrmlab.data.arc.grids import COLOURS, LARGEST, Grid


@dataclass(frozen=True)
class Pair:
    """A grid and what becomes of it; ``answer`` is None where it was not given."""

    question: Grid
    answer: Grid | None

    def grids(self) -> list[Grid]:
        """Those that are there."""
        return [self.question] if self.answer is None else [self.question, self.answer]


@dataclass(frozen=True)
class Puzzle:
    """One task of ARC: pairs that demonstrate a rule, and further pairs of the same rule.

    Attributes:
        name: such as ``007bbfb7``.
        evaluation: whether its source says that it is to be tested on; None where it does not say.
    """

    name: str
    demonstrations: tuple[Pair, ...]
    tests: tuple[Pair, ...]
    evaluation: bool | None = None

    def grids(self) -> list[Grid]:
        """All of them."""
        return [grid for pair in (*self.demonstrations, *self.tests) for grid in pair.grids()]

    def side(self) -> int:
        """Rows or columns of its largest grid."""
        return max(max(grid.shape) for grid in self.grids())

    def colours(self) -> np.ndarray:
        """The colours that it has."""
        return np.unique(np.concatenate([grid.ravel() for grid in self.grids()]))

    def key(self) -> tuple[Any, ...]:
        """Equal for puzzles with equal demonstrations, whatever their names and tests."""
        return tuple((grid.shape, grid.tobytes()) for pair in self.demonstrations for grid in pair.grids())


def make_puzzle(name: str, fields: Any, *, where: str, labelled: bool = True, evaluation: bool | None = None) -> Puzzle:
    """A puzzle from an object in ARC's format: ``{"train": [{"input": [[...]], "output": [[...]]}, ...], "test": [...]}``.

    Args:
        where: what holds it, for messages.
        labelled: tests must have an output; otherwise it is not looked at.

    Raises:
        UserError: it is none.
    """
    if not isinstance(fields, dict) or not all(isinstance(fields.get(part), list) and fields[part] for part in ("train", "test")):
        raise UserError(f"{where} is no ARC task: it needs the lists 'train' and 'test', each with at least one pair; correct it")
    demonstrations = tuple(
        _pair(pair, f"{where}, train pair {number}", labelled=True) for number, pair in enumerate(fields["train"], start=1)
    )
    tests = tuple(_pair(pair, f"{where}, test pair {number}", labelled=labelled) for number, pair in enumerate(fields["test"], start=1))
    return Puzzle(name, demonstrations, tests, evaluation)


def without_answers(puzzle: Puzzle) -> Puzzle:
    """The same puzzle, its tests without their outputs."""
    return replace(puzzle, tests=tuple(replace(pair, answer=None) for pair in puzzle.tests))


def _pair(fields: Any, where: str, *, labelled: bool) -> Pair:
    if not isinstance(fields, dict):
        raise UserError(f"{where} is no object with 'input' and 'output'; correct it")
    for name in ("input", "output") if labelled else ("input",):
        if name not in fields:
            raise UserError(f"{where} has no '{name}'; give it, as a list of rows of colours from 0 to 9")
    return Pair(_grid(fields["input"], f"{where}, input"), _grid(fields["output"], f"{where}, output") if labelled else None)


def _grid(rows: Any, where: str) -> Grid:
    if not isinstance(rows, list) or not rows or not all(isinstance(row, list) and row for row in rows):
        raise UserError(f"{where}: a grid is a list of rows, each a list of colours from 0 to 9, with at least one cell; correct it")
    if len({len(row) for row in rows}) > 1:
        raise UserError(f"{where}: its rows have {' and '.join(map(str, sorted({len(row) for row in rows})[:3]))} cells; make them equal")
    if max(len(rows), len(rows[0])) > LARGEST:
        raise UserError(f"{where}: it has {len(rows)} x {len(rows[0])} cells, and ARC's grids at most {LARGEST} x {LARGEST}; cut it")
    for row in rows:
        for cell in row:
            if type(cell) is not int or not 0 <= cell < COLOURS:
                raise UserError(f"{where}: {json.dumps(cell)[:20]} is no colour; colours are whole numbers from 0 to 9")
    return np.array(rows, np.uint8)
