"""What each stage of practice came to."""

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
    reward = EMPTY
    if stage.reward is not None:
        ends = "" if stage.reward.low is None else f" {text.difference_interval(stage.reward.low, stage.reward.high, 'number')}"
        reward = f"{text.difference(stage.reward.value, 'number')}{ends}"
    return (
        stage.name.replace("_", " "),
        f"{text.percent(stage.accuracy.value)}{interval}",
        _points(stage.gain),
        _points(stage.ahead),
        reward,
        text.duration(stage.seconds) if stage.seconds else EMPTY,
    )


def _points(estimate: Estimate | None) -> str:
    if estimate is None:
        return EMPTY
    ends = text.points_interval(estimate.low, estimate.high) if estimate.low is not None else ""
    return f"{text.points(estimate.value)} {ends}".rstrip()
