"""Values for one arm among several: ``per_arm: {hrm: {optimizer: {learning_rate: 1e-3}}}``, in files and on the command line.

In files a name may say more than the model: ``hrm model.gradient=full`` has its values beside those of ``hrm``, and they go before.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from hrmlab.config.location import SECTIONS, choices
from hrmlab.config.values import nearest, show
from hrmlab.core.errors import UserError

KEY = "per_arm"
_ROOT_KEYS = ("match", "role")
"""Keys beside the sections that an arm may have for itself: the others name the run or its folder, or must be equal for all arms."""


def with_own_values(
    composed: DictConfig, chosen: Mapping[str, str], folders: Sequence[Path], given_keys: Iterable[str] = ()
) -> tuple[DictConfig, set[str]]:
    """The configuration with the values of its own arm and without those of the others, and the dotted keys that came from there.

    Args:
        composed: a composed configuration, not yet resolved.
        chosen: group -> chosen file.
        folders: the user's own configuration folders.
        given_keys: keys of the overrides that give values, choices of files left out. What they say goes before what a file has for
            the arm, unless they speak of the arm themselves.

    Raises:
        UserError: values for an arm that does not exist, or of a kind that is not a value.
    """
    given = OmegaConf.to_container(composed.get(KEY) or OmegaConf.create({}), resolve=False)
    rest = OmegaConf.masked_copy(composed, [str(key) for key in composed if key != KEY])
    if not isinstance(given, dict):
        raise UserError(f"{KEY}={show(given)} is not a section; write {KEY}.<arm>.<section>.<key>=<value>")
    known = choices("model", folders)
    for name, values in given.items():
        model = str(name).partition(" ")[0]
        if model not in known:
            guess = nearest(model, known)
            raise UserError(
                f"{KEY}.{name} names no arm; " + (f"did you mean {KEY}.{guess}?" if guess else f"the arms are {', '.join(known)}")
            )
        _check(f"{KEY}.{name}", values)
    words = set(given_keys)
    of_arms = tuple(f"{word}." for word in words if word.partition(".")[0] == KEY)
    own = [
        _without(given[name], {key for key in words if not f"{KEY}.{name}.{key}.".startswith(of_arms)})
        for name in matching(given, composed, chosen)
        if given[name]
    ]
    if not own:
        return rest, set()
    OmegaConf.set_struct(rest, False)
    merged = OmegaConf.merge(rest, *own)
    assert isinstance(merged, DictConfig)
    return merged, {key for values in own for key, _ in leaves(values)}


def _without(values: Mapping[str, Any], keys: set[str], parent: str = "") -> dict[str, Any]:
    """Nested sections without some dotted keys."""
    kept = {}
    for key, value in values.items():
        path = f"{parent}.{key}" if parent else str(key)
        if path not in keys:
            kept[key] = _without(value, keys, path) if isinstance(value, Mapping) else value
    return kept


def matching(names: Iterable[Any], composed: DictConfig, chosen: Mapping[str, str]) -> list[str]:
    """The names of a run's arm, those that say more last: its model, and its model with conditions that hold (``hrm model.gradient=full``).

    Raises:
        UserError: a condition is not key=value.
    """
    found: dict[str, int] = {}
    for name in names:
        model, *conditions = str(name).split()
        if malformed := next((word for word in conditions if "=" not in word), None):
            raise UserError(f"{KEY}.{name}: {malformed!r} is not key=value; write for example 'hrm model.gradient=full'")
        if model == chosen.get("model") and all(_holds(condition, composed, chosen) for condition in conditions):
            found[str(name)] = len(conditions)
    return sorted(found, key=lambda name: found[name])


def _holds(condition: str, composed: DictConfig, chosen: Mapping[str, str]) -> bool:
    key, _, wanted = condition.partition("=")
    if key in chosen:
        return chosen[key] == wanted
    value = OmegaConf.select(composed, key)
    try:
        return value == yaml.safe_load(wanted) or str(value) == wanted or float(wanted) == value
    except (yaml.YAMLError, ValueError):
        return False


def _check(path: str, values: Any) -> None:
    if not isinstance(values, Mapping):
        raise UserError(f"{path}={show(values)} is not a section; write {path}.<section>.<key>=<value>")
    for section, value in values.items():
        if section in SECTIONS and not isinstance(value, Mapping):
            raise UserError(f"{path}.{section}={show(value)} is a choice, and {KEY} takes values; write {path}.{section}.<key>=<value>")
        if section not in (*SECTIONS, *_ROOT_KEYS):
            raise UserError(f"{path}.{section} is nothing that one arm can have for itself; it takes {', '.join((*SECTIONS, *_ROOT_KEYS))}")


def leaves(values: Mapping[str, Any], parent: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values of nested sections."""
    for key, value in values.items():
        path = f"{parent}.{key}" if parent else str(key)
        if isinstance(value, Mapping) and value:
            yield from leaves(value, path)
        else:
            yield path, value
