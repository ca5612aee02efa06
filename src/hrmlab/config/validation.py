"""Checks a whole configuration against the schemas: every key known, every value of its type and within its bounds."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any, Optional, Union, get_type_hints

from hrmlab.config.location import RECIPES, SECTIONS, config_file
from hrmlab.config.loss_terms import check_terms, targets_of
from hrmlab.config.python_path import find_again
from hrmlab.config.schema import COMPONENT_SECTIONS, LOGGERS, SECTION_SCHEMAS, Count, Role, Root, Stage
from hrmlab.config.signatures import REQUIRED, Parameter, component_parameters, solved_arguments
from hrmlab.config.values import conform, nearest, show
from hrmlab.core.errors import UserError
from hrmlab.core.yaml_text import parse_yaml

_LATER = {"evaluation": "own", "audit": "default", "regime": "published", "objective": "supervised"}
"""Sections that the first version did not have, and the choice that stands for its behaviour."""


class UnknownKey(UserError):  # noqa: N818 - reads as what it is
    """A key that nothing reads.

    Attributes:
        path: the dotted key.
    """

    def __init__(self, path: str, sentence: str) -> None:
        super().__init__(sentence)
        self.path = path


def validate(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration in schema order, its values converted to their types, left-out parameters filled with their defaults.

    Raises:
        UserError: the first thing that is wrong, by name, with the remedy.
    """
    root = _fields_of(Root)
    _reject_unknown(config, [*root, *SECTIONS], parent="")
    if (folder := config.get("python_path")) is not None:
        sections = [config.get(section) for section in COMPONENT_SECTIONS]
        targets = [str(part["_target_"]) for part in sections if isinstance(part, Mapping) and "_target_" in part]
        find_again(str(folder), [*targets, *targets_of(config.get("training"))])
    result = _check(config, root, parent="")
    for section in SECTIONS:
        value = _first_values(section) if section in _LATER and section not in config else config.get(section)
        result[section] = validate_section(section, value)
    return result


def _first_values(section: str) -> Any:
    """What a section holds when nothing is chosen, for run directories that are older than the section."""
    file = config_file(section, _LATER[section])
    return parse_yaml(file.read_text(encoding="utf-8")) if file else None


def validate_section(section: str, value: Any) -> dict[str, Any]:
    """One section, checked as :func:`validate` does."""
    if not isinstance(value, Mapping):
        problem = f"{section} is missing" if value is None else f"{section}={value} is not a section"
        raise UserError(f"{problem}; choose one with {section}=<name>")
    if section == "logger":
        value = _logger_of_today(value)
    schema = section_schema(section, value)
    _reject_unknown(value, schema, parent=section)
    checked = _check(value, schema, parent=section)
    if section == "training":
        return checked | {"loss_terms": check_terms(checked["loss_terms"])}
    return checked | {"stages": check_stages(checked)} if section == "objective" else checked


def check_stages(objective: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The stages of an objective, each with what it leaves to the objective filled in.

    Raises:
        UserError: an unknown key or a wrong value of a stage, or an order that names a stage that is not there, or one twice.
    """
    stages = {}
    for name, value in objective["stages"].items():
        path = f"objective.stages.{name}"
        if not re.fullmatch(r"[a-z][a-z0-9_]*", str(name)) or not isinstance(value, Mapping):
            raise UserError(f"{path}={show(value)} is no stage; give it a name of small letters, digits and _, and keys such as problems")
        checked = validate_against(Stage, value, parent=path)
        kept = {reward: weight for reward, weight in checked["rewards"].items() if weight is not None}
        checked["rewards"] = {reward: conform(weight, float, f"{path}.rewards.{reward}") for reward, weight in kept.items()}
        stages[str(name)] = checked
    for place, name in enumerate(order := objective["order"]):
        if name not in stages:
            raise UserError(f"objective.order names {name}, which is no stage; there are {', '.join(stages) or 'none'}")
        if name in order[:place]:
            raise UserError(f"objective.order names {name} twice; give its second turn a name of its own in objective.stages")
    return stages


def validate_against(schema: type, value: Mapping[str, Any], *, parent: str) -> dict[str, Any]:
    """Values by key, checked against a dataclass: every key known and there, every value of its type and within its bounds.

    Raises:
        UserError: the first that is wrong, by its dotted name below ``parent``.
    """
    fields = _fields_of(schema)
    _reject_unknown(value, fields, parent=parent)
    return _check(value, fields, parent=parent)


def section_schema(section: str, value: Mapping[str, Any]) -> dict[str, Parameter]:
    """Key -> type and default of a section, which for a component depends on its ``_target_``."""
    if section in COMPONENT_SECTIONS:
        target = value.get("_target_")
        if not isinstance(target, str):
            raise UserError(f"{section}._target_ is missing; give the dotted path of a class, or choose a file with {section}=<name>")
        parameters = component_parameters(target, path=f"{section}._target_")
        solved = solved_arguments(target)  # the budget fills them where they are null
        heads = {"name": Parameter(str, REQUIRED), "_target_": Parameter(str, REQUIRED)}
        if section == "model":
            heads["role"] = Parameter(Role, "subject")  # an arm that declares nothing is what its user asks about
        if taken := sorted({*heads, "role"} & set(parameters)):
            raise UserError(f"{section}._target_={target} has a parameter {taken[0]}, which is a label in {section}; give it another name")
        if section == "data":
            parameters = {name: _counted(name, parameter) for name, parameter in parameters.items()}
        return heads | {
            name: Parameter(_nullable(parameter.annotation), None) if name in solved else parameter
            for name, parameter in parameters.items()
        }
    if section == "logger":
        chosen = [kind for kind in LOGGERS if value.get(kind)]
        if not chosen:
            raise UserError(f"logger chooses none of {', '.join(LOGGERS)}; write logger=<name>, or several: logger=[wandb,tensorboard]")
        schema = {kind: Parameter(bool, False) for kind in LOGGERS if kind in value}
        return schema | {name: parameter for kind in chosen for name, parameter in _fields_of(LOGGERS[kind]).items()}
    return _fields_of(SECTION_SCHEMAS[section])


def _logger_of_today(section: Mapping[str, Any]) -> Mapping[str, Any]:
    """A logger section; one of the time when there was a single logger, which its ``name`` chose, in today's keys."""
    name = section.get("name")
    if name not in LOGGERS or any(kind in section for kind in LOGGERS):
        return section
    return {str(name): True, **{key: value for key, value in section.items() if key != "name"}}


def _nullable(annotation: Any) -> Any:
    """The type, or None."""
    return Union[annotation, None]  # noqa: UP007  (a type only known here)


def _counted(name: str, parameter: Parameter) -> Parameter:
    """A task's ``train_examples`` and the like are at least 1: a split of none would train or test nothing, and say so nowhere."""
    bounds = {int: Count, int | None: Optional[Count]}  # noqa: UP045 - a value here, not an annotation
    return Parameter(bounds.get(parameter.annotation, parameter.annotation), parameter.default) if name.endswith("_examples") else parameter


def _fields_of(schema: type) -> dict[str, Parameter]:
    hints = get_type_hints(schema, include_extras=True)
    return {field.name: Parameter(hints[field.name], _default_of(field)) for field in fields(schema)}


def _default_of(field: Field[Any]) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return REQUIRED if field.default is MISSING else field.default


def _check(value: Mapping[str, Any], schema: Mapping[str, Parameter], *, parent: str) -> dict[str, Any]:
    result = {}
    for key, parameter in schema.items():
        path = f"{parent}.{key}" if parent else key
        if key not in value:
            if parameter.default is REQUIRED:
                raise UserError(f"{path} is missing; give it with {path}=<value>")
            result[key] = parameter.default
        else:
            result[key] = conform(value[key], parameter.annotation, path)
    return result


def _reject_unknown(value: Mapping[str, Any], known: Iterable[str], *, parent: str) -> None:
    known = list(known)
    for key in value:
        if key in known:
            continue
        prefix = f"{parent}." if parent else ""
        guess = nearest(str(key), known)
        if not parent and (section := _section_with(str(key))):
            hint = f"did you mean {section}.{key}?"
        elif guess is not None:
            hint = f"did you mean {prefix}{guess}?"
        else:
            hint = f"{parent or 'the configuration'} has {', '.join(name for name in known if name != '_target_')}"
        raise UnknownKey(f"{prefix}{key}", f"{prefix}{key} is not a known key; {hint}")


def reject_unknown_root(key: str) -> None:
    """Raises :class:`UnknownKey` unless the first part of a dotted key is a section, a recipe group or a root key."""
    _reject_unknown({key: None}, [*_fields_of(Root), *SECTIONS, *RECIPES], parent="")


def _section_with(key: str) -> str | None:
    """The section that has a key of this name, for a person who left the section out."""
    return next((section for section, schema in SECTION_SCHEMAS.items() if key in _fields_of(schema)), None)
