"""From a configuration section with a ``_target_`` to the object it names."""

import importlib
from collections.abc import Mapping
from typing import Any

from hrmlab.core.errors import UserError

_NOT_ARGUMENTS = ("_target_", "name")


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
    """Call a section's ``_target_`` with its other keys and what the caller injects (``name`` is a label, not an argument)."""
    arguments = {key: value for key, value in section.items() if key not in _NOT_ARGUMENTS}
    return locate(section["_target_"])(**arguments, **injected)
