"""Every comparison with its interval, and what it supports."""

from hrmlab.reporting import text
from hrmlab.reporting.compare import scores
from hrmlab.reporting.compare.comparisons import Comparison
from hrmlab.reporting.layout import Table


def comparison_table(comparisons: tuple[Comparison, ...]) -> Table:
    """What the study asks first, then what is exploratory: difference, interval, corrected p value, what the study can see, the finding."""
    names = {item.task: item.score for item in comparisons}
    in_points = all(item.measure.unit == "share" for item in comparisons)
    ordered = sorted(comparisons, key=lambda item: not item.asked)
    columns = (
        "Task",
        "Comparison",
        "Difference (points)" if in_points else "Difference",
        "95 % interval",
        "Standard error",
        "p corrected",
        "Can see",
        "Seeds",
        "Correlation of seeds",
        "Finding",
    )
    rows = [(scores.named_task(item.task, names), item.pair, *_numbers(item, in_points), _finding(item)) for item in ordered]
    return Table(columns, tuple(rows), labels=2)


def _numbers(item: Comparison, in_points: bool) -> tuple[str, ...]:
    estimate, unit = item.estimate, item.measure.unit
    known = estimate is not None
    difference = text.difference(estimate.value, unit) + ("" if in_points else text.difference_unit(unit)) if known else text.NOT_AVAILABLE
    interval = text.difference_interval(estimate.low, estimate.high, unit) if known else text.NOT_AVAILABLE
    alone = known and estimate.low is not None and estimate.basis != "seeds and examples"
    return (
        difference,
        interval + (" (seeds only)" if alone else ""),
        text.size(estimate.error, unit) if known and estimate.error is not None else text.NOT_AVAILABLE,
        text.p_value(item.corrected) if item.asked else text.NOT_ASKED,
        text.NOT_AVAILABLE if item.detectable is None else text.size(item.detectable, unit),
        str(item.seeds[0]) if item.seeds[0] == item.seeds[1] else f"{item.seeds[0]} / {item.seeds[1]}",
        text.NOT_AVAILABLE if item.correlation is None else text.decimal(item.correlation).replace("-", "−"),
    )


def _finding(item: Comparison) -> str:
    said = item.words
    if item.finding in ("better", "worse", "no difference"):
        said = f"**{said}**"
    return said if not item.unpaired or item.estimate is None else f"{said}<br>(examples not paired: {item.unpaired})"


def pairing_notes(comparisons: tuple[Comparison, ...]) -> list[str]:
    """What was paired, once for each way."""
    by_way: dict[str, list[str]] = {}
    for item in comparisons:
        if item.pairing:
            by_way.setdefault(item.pairing, []).append(f"{item.pair} on {item.task}")
    said = {
        "examples": "Paired by example, not by seed",
        "seeds": "Paired by seed",
        "seeds and examples": "Paired by seed and by example",
        "nothing": "Nothing paired",
    }
    if len(by_way) == 1:
        return [f"{said[next(iter(by_way))]}, in all comparisons."]
    return [f"{said[way]}: {'; '.join(pairs)}." for way, pairs in by_way.items()]
