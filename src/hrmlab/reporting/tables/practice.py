"""What each stage of practice came to."""

from hrmlab.core.measures import Unit
from hrmlab.reporting import text
from hrmlab.reporting.collect.study import Study
from hrmlab.reporting.compare.practice import StageResult, practised
from hrmlab.reporting.layout import Table
from hrmlab.reporting.tables.evaluation_sets import EMPTY
from hrmlab.statistics.intervals import Estimate


def practice_tables(study: Study) -> list[tuple[str, Table]]:
    """Task's label, and arms x stages: test accuracy, its gain over the warm-up, and the gain in held-out reward."""
    tables = []
    for task, found in practised(study):
        rows = [(task.name(arm), *_cells(stage)) for arm, stages in found.items() for stage in stages]
        baseline = "the baseline" if study.baseline is None else task.name(study.baseline)
        header = (
            "Arm",
            "After",
            f"Test {task.measure.wording}",
            "Gain over the warm-up",
            f"Beside the gain of {baseline}",
            "Held-out reward, gain",
            "Wall time",
        )
        tables.append((task.label, Table(header, tuple(rows), labels=2)))
    return tables


def _cells(stage: StageResult) -> tuple[str, ...]:
    interval = f" {text.share_interval(stage.accuracy)}" if stage.accuracy.low is not None else ""
    return (
        stage.name.replace("_", " "),
        f"{text.percent(stage.accuracy.value)}{interval}",
        _gain(stage.gain, "share"),
        _gain(stage.ahead, "share"),
        _gain(stage.reward, "number"),
        text.duration(stage.seconds) if stage.seconds else EMPTY,
    )


def _gain(estimate: Estimate | None, unit: Unit) -> str:
    if estimate is None:
        return EMPTY
    ends = text.difference_interval(estimate.low, estimate.high, unit) if estimate.low is not None else ""
    return f"{text.difference(estimate.value, unit)} {ends}".rstrip()
