"""From a configuration section with a ``_target_`` to the object it names."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hrmlab.core.errors import UserError

_NOT_ARGUMENTS = ("_target_", "name", "role")


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
    """Call a section's ``_target_`` with its other keys and what the caller injects (``name`` and ``role`` are labels, not arguments)."""
    arguments = {key: value for key, value in section.items() if key not in _NOT_ARGUMENTS}
    return locate(section["_target_"])(**arguments, **injected)


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
        """Call the target with the arguments and what the caller injects, which goes before an argument of the same name."""
        return build(
            {"_target_": self.target, **self.arguments, **{key: injected[key] for key in injected if key in self.arguments}},
            **{key: value for key, value in injected.items() if key not in self.arguments},
        )
