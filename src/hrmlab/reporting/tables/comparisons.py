"""Every comparison with its tests, over seeds and network by network."""

from hrmlab.reporting import text
from hrmlab.reporting.compare import scores
from hrmlab.reporting.compare.comparisons import Comparison
from hrmlab.reporting.layout import Table


def comparison_table(comparisons: tuple[Comparison, ...]) -> Table:
    """Every comparison with both tests and the corrected p value."""
    names = {item.task: item.score for item in comparisons}
    in_points = all(item.measure.unit == "share" for item in comparisons)
    rows = []
    for item in comparisons:
        seeds, examples, unit = item.over_seeds, item.over_examples, item.measure.unit
        difference = text.NOT_AVAILABLE
        if seeds:
            difference = text.difference(seeds.estimate.value, unit) + ("" if in_points else text.difference_unit(unit))
        rows.append(
            (
                scores.named_task(item.task, names),
                item.pair,
                difference,
                text.difference_interval(seeds.estimate.low, seeds.estimate.high, unit) if seeds else text.NOT_AVAILABLE,
                _over_examples(item),
                text.p_value(seeds.p_value) if seeds else text.NOT_AVAILABLE,
                text.p_value(examples.p_value) if examples else text.NOT_AVAILABLE,
                text.p_value(item.corrected),
                str(seeds.estimate.count) if seeds else "0",
                item.finding,
            )
        )
    columns = (
        "Task",
        "Comparison",
        "Difference (points)" if in_points else "Difference",
        "95 % over seeds",
        "95 % over seeds and examples",
        "p seeds",
        "p examples",
        "p corrected",
        "Seeds",
        "Finding",
    )
    return Table(columns, tuple(rows), labels=2)


def _over_examples(item: Comparison) -> str:
    found = item.over_examples
    if found is None:
        return item.unpaired or text.NOT_AVAILABLE
    return text.difference_interval(found.low, found.high, item.measure.unit) + (" (examples only)" if found.seeds == 1 else "")


def per_seed_table(comparisons: tuple[Comparison, ...]) -> Table:
    """McNemar's exact test of each seed's pair of networks."""
    names = {item.task: item.score for item in comparisons}
    rows = [
        (
            scores.named_task(item.task, names),
            item.pair,
            str(seed),
            text.count(test.only_arm),
            text.count(test.only_baseline),
            text.p_value(test.p_value),
        )
        for item in comparisons
        for seed, test in item.per_seed.items()
    ]
    return Table(
        ("Task", "Comparison", "Seed", "Only the first solves", "Only the second solves", "p (uncorrected)"), tuple(rows), labels=2
    )
