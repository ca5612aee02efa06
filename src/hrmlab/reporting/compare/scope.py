"""What a verdict speaks of: the size, the steps, the axis on which arms are held equal, and whether they have finished learning."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from hrmlab.core.errors import UserError
from hrmlab.reporting import text
from hrmlab.reporting.collect.records import number
from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.reporting.compare.axes import AcrossAxes, AtEqual
from hrmlab.reporting.compare.finished import Finished, unfinished_words
from hrmlab.reporting.compare.progress import AXES, EQUAL, Axis
from hrmlab.reporting.compare.verdict import Verdict
from hrmlab.statistics.convergence import ENDED


def checked_axis(axis: str) -> Axis:
    """The axis of this name.

    Raises:
        UserError: there is none.
    """
    if axis not in AXES:
        raise UserError(f"axis={axis} is none of {', '.join(AXES)}")
    return axis


def scoped(said: Verdict, study: Study, across: tuple[AcrossAxes, ...], states: tuple[Finished, ...], *, axis: Axis) -> Verdict:
    """The verdict with a headline that says first what is unfinished, then which axis it speaks of.

    The verdict itself is about the test split, which is scored once, at the end of every run. At equal steps it is the headline; on
    another axis the headline is read off the validation curves, and the test split follows.
    """
    if not across or not said.details:
        return said
    opening = unfinished_words(states)
    opening = f"{opening}. " if opening else ""
    if axis == "steps":
        return replace(said, summary=f"{opening}{_at_the_end(study)}, {said.summary}")
    asked = [item for item in across if item.arm in study.subjects and item.opponent not in study.subjects]
    return replace(said, summary=f"{opening}{_on_axis(asked, axis)} On the test split, {_at_the_end(study).lower()}, {said.summary}")


def scope(study: Study, states: tuple[Finished, ...], *, axis: Axis) -> str:
    """One sentence: ``nano (100,000 parameters), 2,000 steps of 64, 3 seeds; compared at equal steps; 3 of 3 arms have finished ...``."""
    parts = [_sizes(study), _steps(study), _seeds(study)]
    runs = [run for item in states for run in item.runs.values()]
    one_by_one = sum(run.state in ENDED for run in runs)
    whole = sum(item.state in ENDED for item in states)
    pairs = "arms" if len(study.tasks) == 1 else "pairs of arm and task"
    ended = f"{whole} of {len(states)} {pairs} have finished learning ({one_by_one} of {text.plural(len(runs), 'run')} by themselves)"
    compared = (
        f"compared at {EQUAL[axis]}" if axis != "steps" or _steps_agree(study) else "compared at the end of runs that differ in steps"
    )
    return f"{', '.join(part for part in parts if part)}; {compared}; {ended}." if runs else ""


def _at_the_end(study: Study) -> str:
    """``At equal steps``, or which tasks or arms are not compared so."""
    if _steps_agree(study):
        return "At equal steps"
    differing = [task for task in study.tasks if len(_steps_of(task)) > 1]
    if len(study.tasks) > 1 and len(differing) < len(study.tasks):
        return f"At the end of each run (steps differ on {text.listing([task.label for task in differing])})"
    odd = {task.name(arm): None for task in differing for arm in _odd_arms(task)}
    return f"At the end of each run ({f'steps differ for {text.listing(list(odd))}' if odd else 'they differ in steps'})"


def _steps_agree(study: Study) -> bool:
    return all(len(_steps_of(task)) < 2 for task in study.tasks)


def _steps_of(task: TaskRuns) -> Counter[float | None]:
    """How many runs made so many steps."""
    return Counter(run.training("steps") for run in task)


def _odd_arms(task: TaskRuns) -> Iterator[str]:
    """The arms that made other numbers of steps than more than half of all runs did; none where no such number is."""
    made = _steps_of(task)
    [(usual, count)] = made.most_common(1)
    if 2 * count > made.total():
        yield from (arm for arm in task.arms if any(run.training("steps") != usual for run in task.runs(arm)))


def _sizes(study: Study) -> str:
    found: dict[str, set[int]] = {}
    for run in study.runs:
        found.setdefault(run.labels.size, set()).update({int(known)} if (known := number(run.budget.get("target_parameters"))) else ())
    told = [
        f"{size} ({'/'.join(f'{count:,}' for count in sorted(counts))} parameters)" if counts else size for size, counts in found.items()
    ]
    return text.listing(told)


def _steps(study: Study) -> str:
    """``2,000 steps of 64``, a range where runs differ."""
    steps = sorted({known for run in study.runs if (known := run.training("steps"))})
    batches = sorted({int(known) for run in study.runs if (known := number(run.configured("training.batch_size")))})
    if not steps:
        return ""
    said = f"{text.count(steps[0])} steps" if len(steps) == 1 else f"{text.count(steps[0])} to {text.count(steps[-1])} steps"
    return f"{said} of {'/'.join(map(str, batches))}" if batches else said


def _seeds(study: Study) -> str:
    counts = sorted({len(task.arms[arm]) for task in study.tasks for arm in task.arms})
    return text.plural(counts[0], "seed") if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds" if counts else ""


def _on_axis(asked: list[AcrossAxes], axis: Axis) -> str:
    """``At equal examples drawn, by the validation curves of exact accuracy: `hrm` is better than `transformer` on maze (...); ...``."""
    told = [_relation(item, reading) for item in asked for reading in item.readings if reading.axis == axis]
    measures = list(dict.fromkeys(item.measure.wording for item in asked if item.measure is not None))
    of = f" of {text.listing(measures)}" if measures else ""
    return f"At {EQUAL[axis]}, by the validation curves{of}: {'; '.join(told)}."


def _relation(item: AcrossAxes, reading: AtEqual) -> str:
    if reading.difference is None or reading.levels is None or item.measure is None:
        return f"`{item.arm}` and `{item.opponent}` cannot be compared on {item.task} ({reading.reason})"
    unit, found = item.measure.unit, reading.difference
    levels = " against ".join(text.level(level, unit) for level in reading.levels)
    size = f"{text.difference(found.value, unit)}{text.difference_unit(unit)}"
    interval = f" {text.difference_interval(found.low, found.high, unit)}" if found.low is not None else ""
    finding = f"{item.side(reading.sign)} than" if reading.sign else "not told apart from"
    if found.low is None:
        finding = "level with" if not found.value else f"{'above' if found.value > 0 else 'below'}, in the one seed of both,"
    caution = f"; {reading.kind}, and {reading.caution}" if reading.caution else ""
    return f"`{item.arm}` is {finding} `{item.opponent}` on {item.task} ({levels}, {size}{interval}{caution})"


def _agreements(asked: list[AcrossAxes]) -> Iterator[str]:
    flipped = [f"`{item.arm}` against `{item.opponent}` on {item.task}" for item in asked if item.agreement == "flips"]
    if flipped:
        yield f"The sign depends on the axis: {text.listing(flipped)}."


def axis_warnings(study: Study, across: tuple[AcrossAxes, ...]) -> list[str]:
    """Sentences for the first screen where a finding about an arm in question is another on another axis."""
    return list(_agreements([item for item in across if item.arm in study.subjects and item.opponent not in study.subjects]))
