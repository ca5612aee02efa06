"""``tuning: <file>``: values that a tuning study chose for each arm on each task, put into the configuration and recorded there.

The file is what hrm-sweep writes at the end of a sweep with ``search:`` (``reports/<study>/tuned.yaml``). A run takes the values of its own
experiment and arm from it; under ``tuning`` its config.yaml then holds how they were found, which changes nothing of what it computes.
A recipe that differs from a tuned one in nothing that the values depend on names that one: ``tuning: <file>:<experiment>``.
"""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from hrmlab.config.location import configuration_root
from hrmlab.config.per_arm import leaves, matching
from hrmlab.config.values import nearest, show
from hrmlab.core.errors import UserError
from hrmlab.core.yaml_text import parse_yaml

KEY = "tuning"
_SHARED = ("study", "selection", "sampler", "space", "seeds")


def with_tuned_values(composed: DictConfig, choices: Mapping[str, str], given: Collection[str]) -> DictConfig:
    """The configuration with the values that were tuned for its arm and experiment, and under ``tuning`` how they were found.

    Args:
        composed: a composed configuration, not yet resolved.
        choices: group -> chosen file.
        given: keys of the overrides.

    Raises:
        UserError: no such file, nothing in it for this run, or an override of a tuned key.
    """
    value = composed.get(KEY)
    if value is None:
        return composed
    if not isinstance(value, str):
        raise UserError(f"{KEY}={show(value)} is not a file; write {KEY}=reports/<tuning study>/tuned.yaml")
    file, named = _divided(value)
    tuned = read_tuned(file)
    name = named or experiment_of(choices)
    experiments: Mapping[str, Any] = tuned["experiments"]
    if name not in experiments:
        guess = nearest(name, list(experiments))
        said = f"did you mean {guess}?" if guess else f"it has {', '.join(experiments)}"
        raise UserError(f"{KEY}={value} holds nothing tuned for {name}; {said} {KEY}=null leaves it out")
    block = experiments[name]
    found = matching(block["per_arm"], composed, choices)
    if not found:
        raise UserError(
            f"{KEY}={value} holds no values of model={choices.get('model')} on {name}, which were tuned for "
            f"{', '.join(block['per_arm']) or 'no arm'}; tune them too, or write {KEY}=null"
        )
    arm = found[-1]
    values = block["per_arm"][arm]
    if double := sorted({key for key, _ in leaves(values)} & set(given)):
        raise UserError(f"{double[0]} is given, and {KEY}={value} chooses it; leave one of them out ({KEY}=null)")
    told = dict(block["arms"].get(arm) or {})
    trials = told.pop("trials", [])
    record = {
        "file": file,
        **{key: tuned[key] for key in _SHARED if key in tuned},
        "experiment": name,
        "measure": block.get("measure"),
        "arm": arm,
        "trials": len(trials),
        "failed": sum(trial.get("state") != "completed" for trial in trials),
        "steps": next((trial["steps"] for trial in trials if trial.get("steps")), None),
        **told,
    }
    rest = OmegaConf.masked_copy(composed, [str(key) for key in composed if key != KEY])
    OmegaConf.set_struct(rest, False)
    merged = OmegaConf.merge(rest, values, {KEY: record})
    assert isinstance(merged, DictConfig)
    return merged


def experiment_of(choices: Mapping[str, str]) -> str:
    """What tuned values belong to: the experiment, without one the task's file."""
    return choices.get("experiments") or choices.get("data", "")


def _divided(value: str) -> tuple[str, str]:
    """``reports/tune/tuned.yaml:sudoku/quick`` as its file and its experiment, the latter empty where none is named."""
    named = re.fullmatch(r"(.+\.yaml):([^:]+)", value)
    return (named[1], named[2]) if named else (value, "")


def read_tuned(name: str) -> dict[str, Any]:
    """A file of tuned values; a relative name is looked for here, then beside the configuration.

    Raises:
        UserError: it is not there, or is none.
    """
    path = next((place for place in (Path(name), configuration_root() / name) if place.is_file()), None)
    if path is None:
        raise UserError(f"{KEY}={name} is not there; hrm-sweep writes it at the end of a sweep with search:, or write {KEY}=null")
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{KEY}={name} cannot be read: {' '.join(str(error).split())}") from None
    experiments = content.get("experiments") if isinstance(content, dict) else None
    if not isinstance(experiments, dict) or not all(
        isinstance(block, dict) and isinstance(block.get("per_arm"), dict) and isinstance(block.get("arms"), dict)
        for block in experiments.values()
    ):
        raise UserError(f"{KEY}={name} is no file of tuned values: it lacks experiments with per_arm and arms")
    return content
