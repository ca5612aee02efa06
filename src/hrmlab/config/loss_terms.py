"""``training.loss_terms``: further losses by name, each a weight alone or a mapping of weight, options and, for one's own, a class.

loss_terms: {segment_cost: 0.01, sharpness: {_target_: my_terms.Sharpness, weight: 0.1, power: 2}}
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from hrmlab.config.signatures import REQUIRED, Parameter, component_parameters
from hrmlab.config.values import NotNegative, conform, nearest, show
from hrmlab.core.errors import UserError

BUILT_IN = {
    "segment_consistency": "hrmlab.training.terms.segment_consistency.SegmentConsistency",
    "segment_cost": "hrmlab.training.terms.segment_cost.SegmentCost",
    "state_diversity": "hrmlab.training.terms.state_diversity.StateDiversity",
}
"""Name -> the class that it stands for where no ``_target_`` is given."""
_TAKEN = ("answer", "q_halt", "q_continue")
_WEIGHT = Annotated[float, NotNegative()]
_PATH = "training.loss_terms"


def chosen_terms(terms: Mapping[str, Any]) -> Iterator[tuple[str, float, str, dict[str, Any]]]:
    """Name, weight, dotted path of the class and options of every term that is not switched off (null); ``terms`` are checked."""
    for name, value in terms.items():
        if value is not None:
            options = dict(value) if isinstance(value, Mapping) else {"weight": value}
            yield name, options.pop("weight"), options.pop("_target_", None) or BUILT_IN[name], options


def targets_of(section: Any) -> list[str]:
    """The dotted paths that a training section's terms name, checked or not."""
    terms = section.get("loss_terms") if isinstance(section, Mapping) else None
    values = terms.values() if isinstance(terms, Mapping) else ()
    return [str(value["_target_"]) for value in values if isinstance(value, Mapping) and "_target_" in value]


def check_terms(terms: Mapping[Any, Any]) -> dict[str, Any]:
    """The terms with their values converted and left-out options filled in.

    Raises:
        UserError: an unknown term or option, a value of a wrong type or out of bounds, a weight that is missing.
    """
    return {str(name): _check_term(str(name), value) for name, value in terms.items()}


def _check_term(name: str, value: Any) -> Any:
    path = f"{_PATH}.{name}"
    if not re.fullmatch(r"[A-Za-z_]\w*", name) or name in _TAKEN:
        raise UserError(f"{path}: no loss can be named {name}; use letters, digits and _, and none of {', '.join(_TAKEN)}")
    if value is None:
        return None
    mapping = isinstance(value, Mapping)
    target = value.get("_target_") if mapping else None
    if target is None and name not in BUILT_IN:
        guess = nearest(name, BUILT_IN)
        hint = f"did you mean {guess}?" if guess else f"built in are {', '.join(BUILT_IN)};"
        raise UserError(f"{path} is no loss that is built in; {hint} one of your own is {{_target_: my_terms.MyTerm, weight: 0.1}}")
    if not mapping:
        return conform(value, _WEIGHT, path)
    schema = _schema(str(target or BUILT_IN[name]), path)
    for key in value:
        if key not in schema and key != "_target_":
            guess = nearest(str(key), schema)
            hint = f"did you mean {path}.{guess}?" if guess else f"{path} has {', '.join(schema)}"
            raise UserError(f"{path}.{key} is not a known key; {hint}")
    checked: dict[str, Any] = {} if target is None else {"_target_": str(target)}
    for key, parameter in schema.items():
        if key not in value and parameter.default is REQUIRED:
            raise UserError(f"{path}.{key} is missing; give it with {path}.{key}=<value>")
        checked[key] = conform(value[key], parameter.annotation, f"{path}.{key}") if key in value else parameter.default
    return checked


def _schema(target: str, path: str) -> dict[str, Parameter]:
    parameters = component_parameters(target, path=f"{path}._target_")
    if "weight" in parameters:
        raise UserError(f"{path}._target_={show(target)} has a parameter weight, which every loss has already; give it another name")
    return {"weight": Parameter(_WEIGHT, REQUIRED), **parameters}
