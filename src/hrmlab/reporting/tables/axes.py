"""Every comparison at equal steps, examples, FLOPs and time, and whether its finding is the same on all of them."""

from hrmlab.reporting import text
from hrmlab.reporting.compare.axes import AcrossAxes, AtEqual, amount
from hrmlab.reporting.compare.progress import AXES, EQUAL
from hrmlab.reporting.layout import Table

MARKED = "(busy?)"
"""Stands beside a time of a machine that was not shown to be otherwise idle."""
_AT_THE_END = 0.98
_UNBROKEN = "\u00a0"


def axes_table(across: tuple[AcrossAxes, ...]) -> Table:
    """One row for each comparison, a column for each axis, last the statement."""
    rows = [
        (
            item.task,
            f"`{item.arm}` − `{item.opponent}`" + (f" ({item.measure.wording})" if _several(across) and item.measure else ""),
            *(_cell(item, reading) for reading in item.readings),
            item.statement.replace("keeps its sign", f"keeps{_UNBROKEN}its{_UNBROKEN}sign"),
        )
        for item in across
    ]
    columns = ("Task", "Comparison", *(text.sentence_case(EQUAL[axis]) for axis in AXES), "Same sign on all?")
    return Table(columns, tuple(rows), labels=len(columns))


def _several(across: tuple[AcrossAxes, ...]) -> bool:
    return len({item.measure.name for item in across if item.measure is not None}) > 1


def _cell(item: AcrossAxes, reading: AtEqual) -> str:
    """Difference and interval, both levels, where they were read and how far through their runs the arms were; or why not."""
    if item.measure is None or reading.difference is None or reading.levels is None or reading.x is None or reading.through is None:
        return reading.reason
    unit, found = item.measure.unit, reading.difference
    strong = "**" if reading.sign and not reading.caution else ""
    difference = f"{strong}{text.difference(found.value, unit)}{strong}"
    interval = text.difference_interval(found.low, found.high, unit) if found.low is not None else "(one seed)"
    levels = " : ".join(text.level(level, unit).removesuffix(" %") for level in reading.levels)
    lines = [f"{difference} {interval}", levels, f"at {amount(reading.x, reading.unit)}{f' {MARKED}' if reading.caution else ''}"]
    if min(reading.through) < _AT_THE_END:
        lines.append(f"run {' : '.join(f'{100 * share:.0f}' for share in reading.through)} %")
    return "<br>".join(line.replace(" ", _UNBROKEN) for line in lines)


def axes_notes(across: tuple[AcrossAxes, ...]) -> list[str]:
    """Where a curve is read at its best, which time was held equal, and why a marked one is not to be relied on."""
    at_best = list(dict.fromkeys(item.task for item in across if item.best))
    everywhere = all(item.best for item in across if item.measure is not None)
    where = "" if everywhere else f"On {text.listing(at_best)} curves"
    times = [reading for item in across for reading in item.readings if reading.axis == "time" and reading.difference is not None]
    kinds = list(dict.fromkeys(reading.kind for reading in times))
    cautions = list(dict.fromkeys(reading.caution for reading in times if reading.caution))
    said = (
        [f"{where or 'Curves'} are read at their best validation until there: the checkpoint that had it meets the test split."]
        if at_best
        else []
    )
    said += [f"Time is {text.listing(kinds, conjunction='or')}."] if kinds else []
    return said + ([f"{MARKED}: decides nothing, because {'; '.join(cautions)}."] if cautions else [])
