"""Going on with an existing run: as it is (resume), or as a new run of more steps that begins from its last checkpoint (extend)."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hrmlab.config.composition import Composer
from hrmlab.config.configuration import Configuration
from hrmlab.config.per_arm import leaves
from hrmlab.config.values import show
from hrmlab.core.errors import UserError
from hrmlab.core.report_keys import REPORT_KEYS
from hrmlab.runs.archive import refuse_without_checkpoints
from hrmlab.runs.directory import BEST, CONVERTED, LAST, RunDirectory
from hrmlab.runs.files import replacing

CHANGEABLE = ("output_root", "logger", "trainer.progress_bar", "trainer.threads", "python_path", *REPORT_KEYS)
"""What does not change a run's outcome and may therefore differ when it goes on."""

EXTENDABLE = (*CHANGEABLE, "training.steps", "arm", "study")
"""What an extension may change: its length and what it is called."""


def reopen(composing: Composer, path: str, overrides: Sequence[str]) -> RunDirectory:
    """The run at a path, what may change in its configuration taken from the overrides and written down.

    Raises:
        UserError: not a run directory, completed already, or an override contradicts the run's configuration.
    """
    run = RunDirectory.open(path)
    if run.read_json(CONVERTED) is not None:
        raise UserError(f"resume={path} was converted from a published checkpoint, which has no optimizer's state to go on from")
    if run.state == "completed":
        raise UserError(f"resume={path} is COMPLETED; more steps are a run of their own: hrm-train extend={path} training.steps=N")
    before = Configuration.from_plain(run.config).to_plain()
    config = _with_changes(composing, run, overrides, CHANGEABLE, f"resume={path}")
    if config.extends is not None:
        begin_from(run, config.extends)
    run.rewrite_config(_rewritten(run.config, before, config.to_plain()))
    return run


def _rewritten(stored: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What config.yaml holds, with the values that change: keys that are younger than the run keep their defaults and stay out of it."""
    result = dict(stored)
    for key, value in after.items():
        if value == before.get(key):
            continue
        whole = not isinstance(value, Mapping) or not isinstance(stored.get(key), Mapping) or value.keys() != before[key].keys()
        result[key] = value if whole else _rewritten(stored[key], before[key], value)
    return result


def extended(composing: Composer, path: str, overrides: Sequence[str]) -> Configuration:
    """The configuration of a new run that goes on where a finished one ended. Its learning-rate schedule is that of the new length.

    Raises:
        UserError: the run is not finished, has no checkpoint, or anything but the length (upwards), names and machine would change.
    """
    source = RunDirectory.open(path)
    if source.state != "completed":
        raise UserError(f"extend={path} is {source.state}, only a COMPLETED run can be extended; finish it with hrm-train resume={path}")
    refuse_without_checkpoints(source)
    if not (source.path / "checkpoints" / LAST).is_file():
        raise UserError(f"extend={path} has no checkpoints/{LAST} to go on from; start a new run without extend")
    before = Configuration.from_plain(source.config)
    config = _with_changes(composing, source, overrides, EXTENDABLE, f"extend={path}")
    if config.training.steps <= before.training.steps:
        raise UserError(
            f"training.steps={config.training.steps} is not more than the {before.training.steps} steps of extend={path}; "
            f"give more, for example training.steps={2 * before.training.steps}"
        )
    if config.arm == before.arm:
        name = ",".join(part for part in source.labels.arm.split(",") if not part.startswith("steps="))
        config = replace(config, arm=f"{name},steps={config.training.steps},extended")
    return replace(config, task=source.labels.task, extends=str(path), resume=None)


_CARRIED = ("metrics.csv", f"checkpoints/{BEST}", f"checkpoints/{LAST}")
"""What a run needs to go on where another ended; the checkpoint it starts from comes last, so that a copy cut short is made again."""


def begin_from(run: RunDirectory, source: str) -> None:
    """Copy what an extension begins with, unless it has begun.

    Raises:
        UserError: the finished run is gone.
    """
    if (run.checkpoints / LAST).exists():
        return
    finished = RunDirectory.open(source)
    for name in _CARRIED:
        if (carried := finished.path / name).exists():  # there is no best one where validation never ran
            with replacing(run.path / name) as draft:
                shutil.copy2(carried, draft)


def _with_changes(composing: Composer, run: RunDirectory, overrides: Sequence[str], changeable: Sequence[str], asked: str) -> Configuration:
    """A run's configuration with the changes that are allowed.

    Raises:
        UserError: an override contradicts the run's configuration.
    """
    config = Configuration.from_plain(run.config)
    if not overrides:
        return config
    before = dict(leaves(composing.compose(run.overrides).config.to_plain()))
    changed_config = composing.compose([*run.overrides, *overrides]).config
    changed = {key: value for key, value in leaves(changed_config.to_plain()) if key not in before or value != before[key]}
    stored = dict(leaves(config.to_plain()))
    for key, value in changed.items():
        if not any(key == name or key.startswith(f"{name}.") for name in changeable):
            has = f"which has {show(stored[key])}" if key in stored else "which has no such key"
            raise UserError(f"{key}={show(value)} contradicts the run of {asked}, {has}; leave it out, or start a new run without {asked}")
    sections = {key.partition(".")[0] for key in changed}
    if "logger" in sections:
        config = replace(config, logger=changed_config.logger)
    if "trainer" in sections:
        trainer = changed_config.trainer
        named = {key: getattr(trainer, key) for key in ("progress_bar", "threads") if f"trainer.{key}" in changed}
        config = replace(config, trainer=replace(config.trainer, **named))
    if changeable is EXTENDABLE:
        roots = {key: getattr(changed_config, key) for key in ("arm", "study", "output_root") if key in changed}
        config = replace(config, training=changed_config.training, **roots)
    return config
