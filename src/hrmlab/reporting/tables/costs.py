"""What the arms are and what they took: size, FLOPs, time, memory."""

import numpy as np

from hrmlab.reporting import text
from hrmlab.reporting.collect.records import RunRecord, number
from hrmlab.reporting.collect.study import Study
from hrmlab.reporting.compare.clock import busy
from hrmlab.reporting.compare.scores import over_seeds, value_of
from hrmlab.reporting.layout import Table

BUSY = "(busy?)"
"""Stands beside times and speeds of a machine that was not shown to be otherwise idle."""
_USED = "model_flops_utilisation"
_SOLVED_ONCE = ("hidden_size", "num_heads", "mlp_width")
"""Where budgets before ``solved`` had what was solved."""


def budget_table(study: Study) -> Table:
    """Size and FLOPs of every arm on every task, means over seeds."""
    rows, drawn = [], drawn_things(study)
    for task in study.tasks:
        for arm in task.arms:
            gap = _budget(task.runs(arm), "gap")
            rows.append(
                (
                    task.label,
                    task.name(arm),
                    text.count(_budget(task.runs(arm), "parameters")),
                    text.count(_budget(task.runs(arm), "non_embedding_parameters")),
                    text.NOT_AVAILABLE if gap is None else f"{100 * gap:+.2f} %".replace("-", "−"),
                    _solved(task.runs(arm)),
                    text.quantity(_budget(task.runs(arm), "flops_per_training_example"), "FLOPs"),
                    text.quantity(_budget(task.runs(arm), "flops_per_inference_example"), "FLOPs"),
                    text.quantity(_total(task.runs(arm), "flops"), "FLOPs"),
                )
            )
    columns = (
        "Task",
        "Arm",
        "Parameters",
        "Without embeddings",
        "Gap to target",
        "Solved",
        f"Per training {drawn}",
        f"Per inference {drawn}",
        "Whole training",
    )
    return Table(columns, tuple(rows), labels=2)


def cost_table(study: Study) -> Table:
    """What training took, means over seeds; processor time where recorded, and a mark at times of a machine that was not idle."""
    processor = any(run.training("cpu_seconds") is not None for run in study.runs)
    used = any(run.training(_USED) is not None for run in study.runs)
    rows = [
        (
            task.label,
            task.name(arm),
            text.count(_total(task.runs(arm), "steps")),
            text.count(_total(task.runs(arm), "segments")),
            text.count(_total(task.runs(arm), "examples_drawn")),
            *((text.duration(_total(task.runs(arm), "cpu_seconds")),) if processor else ()),
            _wall_time(task.runs(arm)),
            text.quantity(value_of(over_seeds(task.runs(arm), examples_per_second))) + (f" {BUSY}" if busy(task.runs(arm)) else ""),
            text.memory(_total(task.runs(arm), "peak_memory_bytes")),
            *((text.percent(_total(task.runs(arm), _USED)),) if used else ()),
        )
        for task in study.tasks
        for arm in task.arms
    ]
    times = ("Processor time", "Wall time") if processor else ("Wall time",)
    things = f"{text.sentence_case(drawn_things(study))}s"
    columns = ("Task", "Arm", "Steps", "Segments trained", f"{things} drawn", *times, f"{things}/s", "Peak memory")
    columns += ("Model FLOP utilisation",) if used else ()
    return Table(columns, tuple(rows), labels=2)


def _wall_time(runs: list[RunRecord]) -> str:
    known = _total(runs, "wall_seconds")
    return text.duration(known) + (f" {BUSY}" if known is not None and busy(runs) else "")


def busy_note(study: Study) -> str:
    """What the mark at wall times means, one sentence; empty where no time has it."""
    reasons = dict.fromkeys(reason for task in study.tasks for arm in task.arms if (reason := busy(task.runs(arm))))
    if not reasons:
        return ""
    worst = busy(study.runs) if len(reasons) > 1 else next(iter(reasons))
    return f"{BUSY}: not to be compared, because {worst}."


def drawn_things(study: Study) -> str:
    """What training draws, in the singular: ``example``; of several kinds of tasks ``example or row``."""
    return " or ".join(dict.fromkeys(task.words.drawn for task in study.tasks)) or "example"


def _budget(runs: list[RunRecord], name: str) -> float | None:
    return value_of(over_seeds(runs, lambda run: number(run.budget.get(name))))


def _solved(runs: list[RunRecord]) -> str:
    """The arguments that the budget solved, ``hidden size 48, num heads 3``; where seeds differ, all values."""
    found: dict[str, dict[str, None]] = {}
    for run in runs:
        solved = run.budget.get("solved") or {name: run.budget.get(name) for name in _SOLVED_ONCE}
        for name, value in solved.items():
            if (known := number(value)) is not None:
                found.setdefault(name, {})[f"{known:,.10g}"] = None
    return ", ".join(f"{text.words(name)} {'/'.join(values)}" for name, values in found.items()) or text.NOT_AVAILABLE


def _total(runs: list[RunRecord], name: str) -> float | None:
    return value_of(over_seeds(runs, lambda run: run.training(name)))


def examples_per_second(run: RunRecord) -> float | None:
    """Median of the logged training speed; where none was logged, examples drawn over wall time."""
    curve = run.curves.get("train/examples_per_second")
    if curve is not None:
        return float(np.median(curve.values))
    drawn, seconds = run.training("examples_drawn"), run.training("wall_seconds")
    return drawn / seconds if drawn and seconds else None
