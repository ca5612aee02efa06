"""What a run says that its numbers mean: the declarations that its task wrote into summary.json."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, get_args

from hrmlab.core.errors import UserError
from hrmlab.core.measures import CELL_ACCURACY, EXACT_ACCURACY, Measure, Unit, Words, counting

_DEFAULT = (EXACT_ACCURACY, CELL_ACCURACY)


@dataclass(frozen=True, kw_only=True)
class Declared:
    """Declarations of one run.

    Attributes:
        measures: all declared ones, in their order; those every task has for runs older than the declarations.
        measure: the one that counts.
        words: what the task calls its things.
        test_name: the test split's name beside further test sets.
    """

    measures: tuple[Measure, ...]
    measure: Measure
    words: Words
    test_name: str


def declared(summary: Mapping[str, Any]) -> Declared:
    """The declarations of a summary of the right shape.

    Raises:
        UserError: a declaration is none, or the measure that counts was not measured on the test split.
    """
    measures = tuple(_measure(values) for values in summary.get("measures") or ()) or _DEFAULT
    test = summary.get("test") or {}
    name = summary.get("score")
    if name is None:
        measure = next((item for item in measures if item.counts), EXACT_ACCURACY) if not test else _counting(measures, test)
    else:
        unknown = Measure(name=name, wording=name.replace("_", " "), meaning=f"what summary.json calls {name} and declares nowhere")
        measure = next((item for item in measures if item.name == name), unknown)
        measures = measures if measure in measures else (measure, *measures)
    known = {field.name for field in fields(Words)}
    words = Words(**{key: value for key, value in (summary.get("words") or {}).items() if key in known})
    return Declared(measures=measures, measure=measure, words=words, test_name=summary.get("test_name") or "test")


def _counting(measures: tuple[Measure, ...], test: Mapping[str, Any]) -> Measure:
    try:
        return counting(measures, test)
    except UserError:  # the caller says which one is missing
        return next((item for item in measures if item.counts), measures[0])


def _measure(values: Mapping[str, Any]) -> Measure:
    measure = Measure.from_dict(values)
    if measure.unit not in get_args(Unit):
        raise UserError(f"the declared measure {measure.name} has the unit {measure.unit!r}; known are {', '.join(get_args(Unit))}")
    return measure
