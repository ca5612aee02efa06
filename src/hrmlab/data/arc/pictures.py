"""The picture of one task: its demonstrations, and of every test what was expected and what was guessed."""

import re
from collections.abc import Callable, Sequence

import numpy as np

from hrmlab.core.sheets import Panel, Sheet
from hrmlab.data.arc.grids import FIRST_COLOUR, SYMBOLS, Grid
from hrmlab.data.arc.judging import TestInput
from hrmlab.data.arc.puzzles import Puzzle
from hrmlab.data.arc.votes import GUESSES, solved_within


def sheet_of(name: str, puzzle: Puzzle | None, inputs: Sequence[TestInput]) -> Sheet:
    """A row for each demonstration (none of a puzzle that is not known) and for each test input.

    It is ``solved``, ``partly`` or ``failed`` by how many test inputs one of two guesses solves; ``answered`` where answers are not known.
    """
    rows = [] if puzzle is None else list(demonstrations(puzzle))
    for number, test in enumerate(inputs, start=1):
        expected = () if test.expected is None else (_panel("expected", test.expected),)
        guesses = [
            _panel(
                f"guess {place}: {guess.votes} of {len(test.rows)} views",
                guess.grid,
                right=None if test.expected is None else np.array_equal(guess.grid, test.expected),
            )
            for place, guess in enumerate(test.guesses[:GUESSES], start=1)
        ]
        rows.append((_panel(f"test {number}", test.question), *expected, *guesses))
    kind = _kind([None if test.expected is None else solved_within(test.guesses, test.expected, GUESSES) for test in inputs])
    return Sheet(name=re.sub(r"[^A-Za-z0-9_.-]+", "_", name), kind=kind, title=f"{name}: {kind}", rows=tuple(rows))


def demonstrations(puzzle: Puzzle, seen: Callable[[Grid], Grid] = lambda grid: grid) -> tuple[tuple[Panel, ...], ...]:
    """A row for each demonstration: its question and what becomes of it, as ``seen`` shows them."""
    rows: list[tuple[Panel, ...]] = []
    for number, pair in enumerate(puzzle.demonstrations, start=1):
        becomes = () if pair.answer is None else (_panel("becomes", seen(pair.answer)),)
        rows.append((_panel(f"demonstration {number}", seen(pair.question)), *becomes))
    return tuple(rows)


def _kind(solved: Sequence[bool | None]) -> str:
    if None in solved:
        return "answered"
    return "solved" if all(solved) else "partly" if any(solved) else "failed"


def _panel(title: str, grid: Grid, *, right: bool | None = None) -> Panel:
    text = "".join(SYMBOLS[FIRST_COLOUR + colour] for colour in grid.ravel().tolist())
    return Panel(title=title, text=text, grid=(grid.shape[0], grid.shape[1]), right=right)
