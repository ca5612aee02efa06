"""Going on with an existing run: its configuration is taken from its directory, and nobody may change it under way."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hrmlab.config.composition import Composer
from hrmlab.config.validation import validate
from hrmlab.config.values import show
from hrmlab.core.errors import UserError
from hrmlab.runs.directory import RunDirectory

CHANGEABLE = ("output_root", "logger", "trainer.progress_bar", "trainer.threads")
"""What does not change a run's outcome and may therefore differ when it goes on."""


def reopen(composing: Composer, path: str, overrides: Sequence[str]) -> tuple[RunDirectory, dict[str, Any]]:
    """The run at a path and its configuration, with what may change taken from the overrides.

    Raises:
        UserError: not a run directory, completed already, or an override contradicts the run's configuration.
    """
    run = RunDirectory.open(path)
    if run.state == "completed":
        raise UserError(f"resume={path} is COMPLETED; there is nothing left to do")
    config = validate(run.config)
    if not overrides:
        return run, config
    before = dict(_leaves(composing.compose(run.overrides).config))
    after = composing.compose([*run.overrides, *overrides]).config
    changed = {key: value for key, value in _leaves(after) if key not in before or value != before[key]}
    stored = dict(_leaves(config))
    for key, value in changed.items():
        if not any(key == name or key.startswith(f"{name}.") for name in CHANGEABLE):
            has = f"which has {show(stored[key])}" if key in stored else "which has no such key"
            raise UserError(
                f"{key}={show(value)} contradicts the run of resume={path}, {has}; leave it out, or start a new run without resume"
            )
    if any(key.startswith("logger.") for key in changed):
        config["logger"] = after["logger"]
    for key in ("progress_bar", "threads"):
        if f"trainer.{key}" in changed:
            config["trainer"][key] = after["trainer"][key]
    return run, config


def _leaves(config: Mapping[str, Any], parent: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        path = f"{parent}.{key}" if parent else key
        if isinstance(value, Mapping):
            yield from _leaves(value, path)
        else:
            yield path, value
