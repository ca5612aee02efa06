"""What a task measures: the declarations that travel with every result, so that nobody has to guess what a number means.

A task declares its measures; summary.json carries the declarations beside the numbers; the report reads them. Names end in
``summary.json`` as keys, columns in ``predictions.parquet``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from hrmlab.core.errors import UserError

Unit = Literal["share", "number", "bits per byte"]
"""``share``: 0 to 1, shown in percent, differences in points; all others are shown as decimals with the unit's name."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One number that a split is scored by.

    Attributes:
        name: key in summary.json, such as ``exact_accuracy``.
        wording: as a reader calls it in running text, such as ``exact accuracy``.
        meaning: what it is the value of, a clause that follows "is", such as ``the share of puzzles whose whole grid is right``.
        unit: how it is shown.
        counts: whether comparisons and verdict rest on it; of several that count, the first that a run recorded does.
        column: of predictions.parquet, with the outcome of every example; None where there is none, then examples cannot be paired.
        larger_is_better: False for errors and code lengths.
        halting: whether it is also measured at learned halting, under ``halting/<name>``.
    """

    name: str
    wording: str
    meaning: str
    unit: Unit = "share"
    counts: bool = False
    column: str | None = None
    larger_is_better: bool = True
    halting: bool = False

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)

    def at_halting(self) -> "Measure":
        """The same measure of the answers at learned halting: where a result and the outcomes of single examples hold it."""
        return replace(self, name=f"halting/{self.name}", column=None if self.column is None else f"{self.column}_halting")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Measure":
        """The measure that :meth:`to_dict` wrote.

        Raises:
            UserError: a declaration that is none.
        """
        known = {field.name for field in fields(cls)}
        try:
            return cls(**{name: value for name, value in values.items() if name in known})
        except TypeError:
            raise UserError(f"the declared measure {dict(values)!r} lacks name, wording or meaning; was summary.json edited?") from None


@dataclass(frozen=True, kw_only=True)
class Words:
    """What a task calls its things.

    Attributes:
        example: one example, in the singular, such as ``puzzle``.
        token: one position, such as ``cell``.
        answer: a whole answer, such as ``grid``.
        rating: what ``ratings`` of its examples are, such as ``rating of the puzzle``.
        drawn: one thing that training draws, where that is no example: a ``row`` of packed text.
    """

    example: str = "puzzle"
    token: str = "cell"
    answer: str = "grid"
    rating: str = "rating"
    drawn: str = "example"

    def to_dict(self) -> dict[str, str]:
        """JSON values."""
        return asdict(self)


EXACT_ACCURACY = Measure(
    name="exact_accuracy",
    wording="exact accuracy",
    meaning="the share of examples whose whole answer is right, after all segments",
    counts=True,
    column="exact",
    halting=True,
)

CELL_ACCURACY = Measure(
    name="cell_accuracy", wording="cell accuracy", meaning="the share of asked cells that are right, after all segments", halting=True
)


def counting(measures: Iterable[Measure], measured: Mapping[str, Any]) -> Measure:
    """The measure that counts: of those declared so, the first that was measured.

    Raises:
        UserError: none of them was.
    """
    declared = [measure for measure in measures if measure.counts]
    for measure in declared:
        if measured.get(measure.name) is not None:
            return measure
    names = ", ".join(measure.name for measure in declared) or "none is declared"
    raise UserError(f"no measure that counts was measured ({names}); a task declares one with counts=True and returns it")
