"""Every comparison at equal steps, examples, FLOPs and time, and whether its finding is the same on all of them."""

from hrmlab.reporting import text
from hrmlab.reporting.compare.axes import AcrossAxes, AtEqual
from hrmlab.reporting.compare.progress import AXES, EQUAL
from hrmlab.reporting.layout import Table


def axes_table(across: tuple[AcrossAxes, ...]) -> Table:
    """One row for each comparison, a column for each axis, last the statement."""
    rows = [
        (
            item.task,
            f"`{item.arm}` − `{item.opponent}`" + (f" ({item.measure.wording})" if _several(across) and item.measure else ""),
            *(_cell(item, reading) for reading in item.readings),
            item.statement,
        )
        for item in across
    ]
    columns = ("Task", "Comparison", *(text.sentence_case(EQUAL[axis]) for axis in AXES), "Does the finding keep its sign?")
    return Table(columns, tuple(rows), labels=len(columns))


def _several(across: tuple[AcrossAxes, ...]) -> bool:
    return len({item.measure.name for item in across if item.measure is not None}) > 1


def _cell(item: AcrossAxes, reading: AtEqual) -> str:
    """Difference and interval, both levels, and where they were read; or why not."""
    if item.measure is None or reading.difference is None or reading.levels is None or reading.x is None or reading.through is None:
        return reading.reason
    unit, found = item.measure.unit, reading.difference
    strong = "**" if reading.sign and not reading.caution else ""
    cell = f"{strong}{text.difference(found.value, unit)}{strong}"
    cell += f" {text.difference_interval(found.low, found.high, unit)}" if found.low is not None else " (one seed)"
    levels = " : ".join(text.level(level, unit).removesuffix(" %") for level in reading.levels)
    return f"{cell}<br>{levels}<br>{_place(reading, item)}"


def _place(reading: AtEqual, item: AcrossAxes) -> str:
    """``at 57.0 k examples (transformer 30 % through)``."""
    assert reading.x is not None
    assert reading.through is not None
    at = f"at {text.duration(reading.x)} of {reading.kind}" if reading.unit == "s" else f"at {text.quantity(reading.x)} {reading.unit}"
    if reading.unit == "FLOPs":
        at = f"at {text.quantity(reading.x, 'FLOPs')}"
    early = [
        f"`{name}` {100 * share:.0f} % through"
        for name, share in zip((item.arm, item.opponent), reading.through, strict=True)
        if share < 0.98
    ]
    notes = [*early, *([reading.caution] if reading.caution else [])]
    return f"{at} ({'; '.join(notes)})" if notes else at
