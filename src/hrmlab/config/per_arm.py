"""Values for one arm among several: ``per_arm: {hrm: {optimizer: {learning_rate: 1e-3}}}``, in files and on the command line."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from hrmlab.config.location import SECTIONS, choices
from hrmlab.config.values import nearest, show
from hrmlab.core.errors import UserError

KEY = "per_arm"
_ROOT_KEYS = ("match", "role")
"""Keys beside the sections that an arm may have for itself: the others name the run or its folder, or must be equal for all arms."""


def with_own_values(composed: DictConfig, arm: str, folders: Sequence[Path]) -> tuple[DictConfig, set[str]]:
    """The configuration with the values of its own arm and without those of the others, and the dotted keys that came from there.

    Args:
        composed: a composed configuration, not yet resolved.
        arm: the choice of its model.
        folders: the user's own configuration folders.

    Raises:
        UserError: values for an arm that does not exist, or of a kind that is not a value.
    """
    given = OmegaConf.to_container(composed.get(KEY) or OmegaConf.create({}), resolve=False)
    rest = OmegaConf.masked_copy(composed, [str(key) for key in composed if key != KEY])
    if not isinstance(given, dict):
        raise UserError(f"{KEY}={show(given)} is not a section; write {KEY}.<arm>.<section>.<key>=<value>")
    known = choices("model", folders)
    for name, values in given.items():
        if name not in known:
            guess = nearest(str(name), known)
            raise UserError(
                f"{KEY}.{name} names no arm; " + (f"did you mean {KEY}.{guess}?" if guess else f"the arms are {', '.join(known)}")
            )
        _check(f"{KEY}.{name}", values)
    own = given.get(arm)
    if not own:
        return rest, set()
    OmegaConf.set_struct(rest, False)
    merged = OmegaConf.merge(rest, own)
    assert isinstance(merged, DictConfig)
    return merged, {key for key, _ in leaves(own)}


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
