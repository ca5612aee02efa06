"""Exact accuracy by the number of segments at inference."""

from hrmlab.reporting import text
from hrmlab.reporting.collect.study import TaskRuns
from hrmlab.reporting.compare.segments import by_segment
from hrmlab.reporting.layout import Table
from hrmlab.reporting.tables.evaluation_sets import EMPTY


def segment_table(task: TaskRuns) -> Table | None:
    """Arms x segments: powers of two, the caps of training (in bold) and the last; None where no arm has more than one segment."""
    found = by_segment(task)
    if not found:
        return None
    longest = max(len(curve.estimates) for curve in found.values())
    shown = {2**power for power in range(longest.bit_length())} | {curve.cap for curve in found.values()} | {longest}
    columns = sorted(number for number in shown if number <= longest)
    rows = []
    for arm, curve in found.items():
        cells = []
        for number in columns:
            if number > len(curve.estimates):
                cells.append(EMPTY)
                continue
            estimate = curve.estimates[number - 1]
            level = text.percent(estimate.value)
            interval = f" {text.share_interval(estimate)}" if estimate.low is not None else ""
            cells.append(f"**{level}**{interval}" if number == curve.cap else f"{level}{interval}")
        rows.append((task.name(arm), str(curve.cap), *cells))
    return Table(("Arm", "Trained with", *(text.plural(number, "segment") for number in columns)), tuple(rows))
