"""How a person writes a question cell by cell: what a task that is a grid says of its symbols, for whoever draws it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Board:
    """The cells of a question and of an answer, in the symbols of ``Task.to_text``.

    Attributes:
        symbols: what may stand in a cell of a question -> what a person calls it; the first is that of an empty board.
        once: those that a question has exactly once.
        answers: further symbols, which stand in answers alone -> what a person calls them.
        boxes: (rows, columns) of boxes with a thick line around them; None for a plain grid.
        colours: symbol -> ``#rrggbb`` of a cell that is a colour to people; the others are written.
        separator: what stands between two cells in ``Task.to_text``.
    """

    symbols: Mapping[str, str]
    once: tuple[str, ...] = ()
    answers: Mapping[str, str] = field(default_factory=dict)
    boxes: tuple[int, int] | None = None
    colours: Mapping[str, str] = field(default_factory=dict)
    separator: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON values; symbols as pairs, because readers of JSON may put an object's digits before its other keys."""
        return {
            "symbols": [list(pair) for pair in self.symbols.items()],
            "once": list(self.once),
            "answers": dict(self.answers),
            "boxes": None if self.boxes is None else list(self.boxes),
            "colours": dict(self.colours),
            "separator": self.separator,
        }
