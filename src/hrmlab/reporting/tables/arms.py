"""What each arm is: its model, the options in which arms differ, its optimizer, its size, and how it differs from the plain arm."""

from typing import Any

from hrmlab.reporting import text
from hrmlab.reporting.collect.records import number
from hrmlab.reporting.collect.study import Study
from hrmlab.reporting.compare.arms import ArmOptions, arm_options
from hrmlab.reporting.layout import Table

_ALWAYS = ("optimizer.name", "optimizer.learning_rate", "training.steps")
_NONE = "–"


def arms_table(study: Study) -> Table:
    """One row for each arm; a column for every option whose values differ between arms, the optimizer's name and rate, and the steps."""
    found = arm_options(study)
    keys = _columns(found)
    rows = []
    for arm, options in found.items():
        cells = [_values(options.values.get(key, ())) for key in keys]
        rows.append((f"`{arm}`", _part(study, arm), _definition(options), *cells, _parameters(study, arm)))
    return Table(("Arm", "Part", "What it is", *(_heading(key, keys) for key in keys), "Parameters"), tuple(rows), labels=3)


def alike(study: Study) -> list[str]:
    """``positions rope``: the options of the models that all arms share, and those of optimizer and training."""
    found = arm_options(study)
    shown = set(_columns(found))
    first = next(iter(found.values()), None)
    return [] if first is None else [f"{_heading(key, [])} {_values(values)}" for key, values in first.values.items() if key not in shown]


def several_values(study: Study) -> bool:
    """Whether any option takes different values on different tasks."""
    return any(len(values) > 1 for options in arm_options(study).values() for values in options.values.values())


def _columns(found: dict[str, ArmOptions]) -> list[str]:
    keys = list(dict.fromkeys(key for options in found.values() for key in options.values))
    keys = [key for key in keys if key in _ALWAYS or len({str(options.values.get(key)) for options in found.values()}) > 1]
    return [key for key in keys if key.startswith("model.")] + [key for key in keys if not key.startswith("model.")]


def _heading(key: str, among: list[str]) -> str:
    """``Learning rate``, ``Learning rates H``; with its section where two sections have an option of that name."""
    section, name = key.partition(".")[0], _in_its_section(key)
    if key == "optimizer.name":
        return "Optimizer"
    alone = sum(_in_its_section(other) == name for other in among) < 2
    shown = text.words(name if alone else f"{section} {name}")
    return text.sentence_case(shown) if among else shown


def _in_its_section(key: str) -> str:
    """``learning_rates H`` of ``optimizer.learning_rates.H``."""
    first, *rest = key.split(".")
    return " ".join(rest) or first


def _values(values: tuple[Any, ...]) -> str:
    """``4``; ``0.001 / 0.003`` where tasks differ; – where the arm has no such option."""
    shown = " / ".join(_value(value) for value in values) or _NONE
    return text.Number(shown, float(values[0])) if len(values) == 1 and number(values[0]) is not None else shown


def _value(value: Any) -> str:
    if value is None:
        return _NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def _part(study: Study, arm: str) -> str:
    if arm == study.baseline:
        return "baseline"
    return study.roles.declared.get(arm) or ("in question" if arm in study.subjects else "control")


def _definition(options: ArmOptions) -> str:
    """``hrm with gradient full (not one_step)``; of a plain arm its model."""
    if options.plain is None:
        return f"model `{options.model}`"
    changes = [
        f"{_heading(key, [])} {_values(after)}" + (f" (not {_values(before)})" if before else "")
        for key, (before, after) in options.changes.items()
        if after
    ]
    gone = [f"no {_heading(key, [])}" for key, (_, after) in options.changes.items() if not after]
    said = text.listing([*changes, *gone])
    return f"`{options.plain}` with {said}" if said else f"`{options.plain}` under another name"


def _parameters(study: Study, arm: str) -> str:
    """Over its runs; a range where they differ by more than a thousandth."""
    found = [known for task in study.tasks for run in task.runs(arm) if (known := number(run.budget.get("parameters")))]
    if not found:
        return text.NOT_AVAILABLE
    low, high = min(found), max(found)
    return text.count(sum(found) / len(found)) if high <= 1.001 * low else text.Number(f"{low:,.0f} to {high:,.0f}", low)
