"""From a configuration section with a ``_target_`` to the object it names."""

import importlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from types import SimpleNamespace
from typing import Any, get_type_hints

from hrmlab.core.errors import UserError

_NOT_ARGUMENTS = ("_target_", "name", "role")


class Options:
    """Base of a frozen, keyword-only dataclass of options that several components share.

    A parameter whose annotation is such a class, bare, stands for the fields of that class: each is a configuration key as if the
    constructor took it itself, and :func:`call` makes the object of them again.
    """


def locate(target: str) -> Any:
    """The class or function that a dotted path names.

    Raises:
        UserError: there is no such module or attribute.
    """
    module_name, _, attribute = target.rpartition(".")
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except ModuleNotFoundError as missing:
        if missing.name is None or not module_name.startswith(missing.name):
            raise
        raise UserError(f"_target_='{target}' names no importable module; check its spelling and that its package is installed") from None
    except AttributeError:
        raise UserError(f"_target_='{target}': the module '{module_name}' has no '{attribute}'; check its spelling") from None


def build(section: Mapping[str, Any], **injected: Any) -> Any:
    """Call a section's ``_target_`` with its other keys and what the caller injects (``name`` and ``role`` are labels, not arguments).

    A parameter annotated with a dataclass of :class:`Options` gets one, made of the keys that are its fields.
    """
    arguments = {key: value for key, value in section.items() if key not in _NOT_ARGUMENTS}
    return call(locate(section["_target_"]), **{**arguments, **injected})


def call(target: Any, **arguments: Any) -> Any:
    """Call a class or function with flat arguments, those of its dataclasses of options among them.

    Raises:
        UserError: a parameter without a value has a type that does not exist while the program runs; it may be one of options.
    """
    for parameter, options in options_of(target).items():
        if parameter not in arguments:
            names = {field.name for field in fields(options)}
            arguments[parameter] = options(**{key: arguments.pop(key) for key in list(arguments) if key in names})
    signature = inspect.signature(target)
    for parameter, kind in _types(target).items():
        if isinstance(kind, str) and parameter not in arguments and signature.parameters[parameter].default is inspect.Parameter.empty:
            raise UserError(
                f"{target.__module__}.{target.__qualname__}: the type {kind} of its parameter {parameter} is unknown at run time; "
                "import it outside of 'if TYPE_CHECKING'"
            )
    return target(**arguments)


def flat_arguments(target: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What a section has to say for :func:`call` to be given these keyword arguments: options spelt out, defaults filled in."""
    options, flat = options_of(target), {}
    for name, parameter in inspect.signature(target).parameters.items():
        value = arguments.get(name, parameter.default)
        if name in options:
            flat |= {field.name: getattr(value, field.name) for field in fields(value)}
        elif value is not inspect.Parameter.empty:
            flat[name] = value
    return flat


def options_of(target: Any) -> dict[str, Any]:
    """The parameters of a class or function that are dataclasses of :class:`Options`, with that dataclass."""
    found = {name: kind for name, kind in _types(target).items() if isinstance(kind, type) and issubclass(kind, Options)}
    return {name: kind for name, kind in found.items() if is_dataclass(kind)}


def _types(target: Any) -> dict[str, Any]:
    """Parameter -> its type; the text of the annotation where it names what only a type checker knows."""
    function = inspect.unwrap(target.__init__ if isinstance(target, type) else target)
    known = getattr(function, "__globals__", {})
    types = {}
    for name, annotation in getattr(function, "__annotations__", {}).items():
        if name == "return":
            continue
        try:  # each on its own: one unknown type must not hide the others
            types[name] = get_type_hints(SimpleNamespace(__annotations__={name: annotation}), known, include_extras=True)[name]
        except (NameError, AttributeError, TypeError, SyntaxError):
            types[name] = str(annotation)
    return types


@dataclass(frozen=True)
class Component:
    """A checked section that names a class or function of somebody's own: a model, a task, an optimizer.

    Attributes:
        name: the choice's name, for labels.
        target: dotted path.
        arguments: keyword arguments from the configuration.
        role: of a model, in a comparison: subject, control or baseline; None for what is no arm.
    """

    name: str
    target: str
    arguments: Mapping[str, Any]
    role: str | None = None

    @classmethod
    def from_section(cls, section: Mapping[str, Any]) -> "Component":
        """From a section of a checked configuration."""
        arguments = {key: value for key, value in section.items() if key not in _NOT_ARGUMENTS}
        return cls(name=section["name"], target=section["_target_"], arguments=arguments, role=section.get("role"))

    def to_section(self) -> dict[str, Any]:
        """As a section again."""
        return {"name": self.name, "_target_": self.target, **({"role": self.role} if self.role else {}), **self.arguments}

    def build(self, **injected: Any) -> Any:
        """Call the target with the arguments and what the caller injects."""
        return build({"_target_": self.target, **self.arguments}, **injected)
