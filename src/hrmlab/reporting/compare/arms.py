"""What each arm is, read from the configurations of its runs; no model and no option is known here by its name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hrmlab.reporting.collect.records import RunRecord
from hrmlab.reporting.collect.study import Study, flat

SECTIONS = ("model", "optimizer", "training", "match")
"""What makes an arm; the data make the task, and the machine changes no outcome."""
_LABELS = ("model.name", "model._target_", "model.role", "optimizer._target_")
_BOOKKEEPING = (
    "training.log_every",
    "training.checkpoint_every",
    "training.evaluation_batch_size",
    "training.time_limit",
    "training.validat",
)


@dataclass(frozen=True, kw_only=True)
class ArmOptions:
    """The options of one arm.

    Attributes:
        model: the model's name in its configuration.
        values: dotted key -> its values, one for each task where they differ between tasks, else one alone.
        plain: the arm that this one is a variant of; None where it is none.
        changes: what makes the variant: dotted key -> (the plain arm's value, its own).
    """

    model: str
    values: dict[str, tuple[Any, ...]]
    plain: str | None
    changes: dict[str, tuple[tuple[Any, ...], tuple[Any, ...]]]


def options_of(run: RunRecord) -> dict[str, Any]:
    """What makes the arm of a run, as dotted keys; the options that its configuration leaves open are left out."""
    sections = {name: run.config[name] for name in SECTIONS if name in run.config}
    values = {key: value for key, value in flat(sections).items() if value is not None and key not in _LABELS}
    return {key: value for key, value in values.items() if not key.startswith(_BOOKKEEPING)}


def arm_options(study: Study) -> dict[str, ArmOptions]:
    """arm -> what it is, in the study's order.

    An arm is a variant of the first arm of the same model that bears the model's own name, else of the first arm of the same model.
    """
    values = {arm: _over_tasks(study, arm) for arm in study.arms}
    models = {arm: str(_first(study, arm).configured("model.name") or arm) for arm in study.arms}
    found = {}
    for arm in study.arms:
        same = [other for other in study.arms if models[other] == models[arm]]
        plain = next((other for other in same if other == models[other]), same[0])
        changes = {} if plain == arm else differences(values[plain], values[arm])
        found[arm] = ArmOptions(model=models[arm], values=values[arm], plain=None if plain == arm else plain, changes=changes)
    return found


def differences(
    before: Mapping[str, tuple[Any, ...]], after: Mapping[str, tuple[Any, ...]]
) -> dict[str, tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """Keys whose values differ; () where one of the two has none."""
    keys = [*before, *(key for key in after if key not in before)]
    return {key: (before.get(key, ()), after.get(key, ())) for key in keys if before.get(key) != after.get(key)}


def _over_tasks(study: Study, arm: str) -> dict[str, tuple[Any, ...]]:
    """Each option's values over the tasks that the arm has runs on; one alone where all agree."""
    by_task = [options_of(task.runs(arm)[0]) for task in study.tasks if task.runs(arm)]
    keys = dict.fromkeys(key for options in by_task for key in options)
    values = {key: tuple(options.get(key) for options in by_task) for key in keys}
    return {key: found if len({str(value) for value in found}) > 1 else found[:1] for key, found in values.items()}


def _first(study: Study, arm: str) -> RunRecord:
    return next(run for task in study.tasks for run in task.runs(arm))
