"""What the end of every arm's validation curves says about having finished."""

from hrmlab.reporting import text
from hrmlab.reporting.compare.finished import IN_WORDS, SIGNS, Finished
from hrmlab.reporting.layout import Table


def convergence_table(states: tuple[Finished, ...]) -> Table:
    """One row for each arm on each task: its state, its seeds' states, what the last quarter and the last doubling gained."""
    rows = [
        (
            item.task,
            item.name,
            f"{IN_WORDS[item.state]}{f' {SIGNS[item.state]}' if item.state in SIGNS else ''}",
            item.counts,
            _gain(item),
            _doubling(item),
        )
        for item in states
    ]
    columns = ("Task", "Arm", "State", "Runs", "Gain over the last quarter", "Gain over the last doubling")
    return Table(columns, tuple(rows), labels=4)


def _gain(item: Finished) -> str:
    """Mean over seeds with its 90 % interval; of one run its own; why there is none."""
    if item.gain is not None:
        return f"{_number(item, item.gain.value)} {_interval(item, item.gain.low, item.gain.high)}"
    known = [run for run in item.runs.values() if run.gain is not None]
    if not known:
        return next((run.reason for run in item.runs.values() if run.reason), text.NOT_AVAILABLE)
    gain, margin = known[0].gain or 0.0, known[0].margin
    return _number(item, gain) + (f" {_interval(item, gain - margin, gain + margin)}" if margin is not None else "")


def _doubling(item: Finished) -> str:
    known = [run.last_doubling for run in item.runs.values() if run.last_doubling is not None]
    return _number(item, sum(known) / len(known)) if known else text.NOT_AVAILABLE


def _number(item: Finished, value: float) -> str:
    return text.difference(value, "share" if item.share else "number")


def _interval(item: Finished, low: float | None, high: float | None) -> str:
    return text.difference_interval(low, high, "share" if item.share else "number")
