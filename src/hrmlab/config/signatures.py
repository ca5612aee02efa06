"""The schema of a component, read from the source of its constructor without importing it.

Importing a model means importing torch, seconds in which a person waits to be told of a typing error. The parameters of
``_target_: package.module.Name`` are therefore parsed from the file. A parameter whose annotation is made of int, float, bool, str,
None, Literal, list, tuple and dict (also ``dict[str, float]``) is a configuration key, with the bounds that ``Annotated[int, AtLeast(1)]``
sets. One annotated with a subclass of :class:`hrmlab.core.components.Options` (``embedding: EmbeddingOptions``) stands for the fields of
that dataclass: they are keys of the component like all others, and :func:`hrmlab.core.components.build` puts them together again. Any
other parameter (``task: TaskSpec``) is handed in by the code that builds the component.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union

from hrmlab.config import values
from hrmlab.config.source import SourceModule, base_classes, find_definition, find_module, named_class
from hrmlab.config.values import nearest
from hrmlab.core.components import Options
from hrmlab.core.errors import UserError

_PLAIN: dict[str, Any] = {"int": int, "float": float, "bool": bool, "str": str, "dict": dict, "Path": str, "PathLike": str}
_SEQUENCES: dict[str, Any] = {"list": list, "List": list, "Sequence": list, "tuple": tuple, "Tuple": tuple}
REQUIRED = object()
"""Default of a parameter that has none."""


@dataclass(frozen=True)
class Parameter:
    """One configuration key of a component.

    Attributes:
        annotation: its type, as a typing object.
        default: the value when the key is left out; ``REQUIRED`` when it cannot be.
    """

    annotation: Any
    default: Any


def component_parameters(target: str, *, path: str = "_target_") -> dict[str, Parameter]:
    """The configuration keys of the class or function at a dotted path.

    Args:
        target: such as ``hrmlab.models.hrm.HRM``.
        path: how to call the target in a complaint.

    Raises:
        UserError: there is no such module or name, or its signature cannot be a schema (``**kwargs``, no annotation, a key twice).
    """
    module_name, _, name = target.rpartition(".")
    module = find_module(module_name) if module_name else None
    if module is None:
        raise UserError(f"{path}={target} cannot be found: there is no module {module_name or target} with readable source")
    found = find_definition(module, name)
    if found is None or not isinstance(found[1], (ast.ClassDef, ast.FunctionDef)):
        guess = nearest(name, [node.name for node in module.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))])
        raise UserError(f"{path}={target} cannot be found: {module.file} defines no {name}" + (f"; did you mean {guess}?" if guess else ""))
    result: dict[str, Parameter] = {}
    for key, parameter in _parameters(*found, target):
        if key in result:
            raise UserError(f"_target_={target} takes the key {key} twice, itself or through options; rename one")
        result[key] = parameter
    return result


def solved_arguments(target: str) -> frozenset[str]:
    """The arguments that a model's class declares as solvable (``solves``, see :mod:`hrmlab.models.sizing`), or inherits; empty without."""
    module_name, _, name = target.rpartition(".")
    module = find_module(module_name)
    found = None if module is None else find_definition(module, name)
    while found is not None and isinstance(found[1], ast.ClassDef):
        declared = next((value for item in found[1].body if (value := _assigned(item, "solves")) is not None), None)
        if declared is not None:
            return frozenset(_first_arguments(declared, found[0]))
        found = next(base_classes(found[0], found[1]), None)
    return frozenset()


def _assigned(item: ast.stmt, name: str) -> ast.expr | None:
    """What a statement assigns to a name; None where it does not."""
    targets = item.targets if isinstance(item, ast.Assign) else [item.target] if isinstance(item, ast.AnnAssign) else []
    is_it = any(isinstance(target, ast.Name) and target.id == name for target in targets)
    return item.value if is_it and isinstance(item, (ast.Assign, ast.AnnAssign)) else None


def _first_arguments(node: ast.expr, module: SourceModule) -> Iterator[str]:
    """The first argument of each call in a tuple, which may stand under a name of its own."""
    if isinstance(node, ast.Name):
        found = find_definition(module, node.id)
        value = getattr(found[1], "value", None) if found else None
        if found and isinstance(value, ast.expr):
            yield from _first_arguments(value, found[0])
    for item in getattr(node, "elts", ()):
        if isinstance(item, ast.Call) and item.args and isinstance(item.args[0], ast.Constant):
            yield str(item.args[0].value)


def _parameters(module: SourceModule, node: ast.stmt, target: str) -> Iterator[tuple[str, Parameter]]:
    if isinstance(node, ast.ClassDef):
        found = _constructor(module, node)
        if found is None:
            return
        module, node = found
        if isinstance(node, ast.ClassDef):
            yield from _dataclass_fields(module, node).items()
            return
    assert isinstance(node, ast.FunctionDef)
    arguments = node.args
    if arguments.kwarg is not None or arguments.vararg is not None:
        raise UserError(f"_target_={target} takes *args or **kwargs, so its keys cannot be checked; name its parameters")
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults)) + list(arguments.defaults)
    pairs = [*zip(positional, defaults, strict=True), *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    for argument, default in pairs:
        if argument.arg == "self":
            continue
        if argument.annotation is None:
            raise UserError(f"_target_={target} does not say the type of its parameter {argument.arg}, so its keys cannot be checked")
        options = _options(argument.annotation, module)
        if options is not None:
            yield from _dataclass_fields(*options).items()
            continue
        annotation = _evaluate(argument.annotation, module)
        if annotation is not None:
            yield argument.arg, Parameter(annotation, REQUIRED if default is None else _literal(default, module))


def _constructor(module: SourceModule, node: ast.ClassDef) -> tuple[SourceModule, ast.FunctionDef | ast.ClassDef] | None:
    """What says how a class is made: its ``__init__``, the class itself where it is a dataclass, or those of its bases."""
    constructor = next((item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"), None)
    if constructor is not None:
        return module, constructor
    if _is_dataclass(node):
        return module, node
    return next((found for base in base_classes(module, node) if (found := _constructor(*base)) is not None), None)


def _options(annotation: ast.expr, module: SourceModule) -> tuple[SourceModule, ast.ClassDef] | None:
    """The dataclass of options that a parameter is annotated with; None for any other annotation."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return _options(ast.parse(annotation.value, mode="eval").body, module)
    found = named_class(annotation, module)
    return found if found is not None and _is_options(*found) else None


def _is_options(module: SourceModule, node: ast.ClassDef) -> bool:
    return any(
        (base.name, definition.name) == (Options.__module__, Options.__name__) or _is_options(base, definition)
        for base, definition in base_classes(module, node)
    )


def _is_dataclass(node: ast.ClassDef) -> bool:
    return any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list)


def _dataclass_fields(module: SourceModule, node: ast.ClassDef) -> dict[str, Parameter]:
    """The fields of a dataclass, inherited ones first; one that is said again has the last word's type and default."""
    result: dict[str, Parameter] = {}
    for base in reversed(list(base_classes(module, node))):
        result |= _dataclass_fields(*base)
    for item in node.body if _is_dataclass(node) else ():
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            annotation = _evaluate(item.annotation, module)
            if annotation is not None:
                result[item.target.id] = Parameter(annotation, REQUIRED if item.value is None else _field_default(item.value, module))
    return result


def _field_default(node: ast.expr, module: SourceModule) -> Any:
    """The default of a dataclass's field; ``field(default_factory=dict)`` is an empty mapping, of ``list`` an empty list."""
    if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "field":
        factories = [ast.unparse(keyword.value) for keyword in node.keywords if keyword.arg == "default_factory"]
        return {"dict": {}, "list": []}.get(factories[0], REQUIRED) if factories else REQUIRED
    return _literal(node, module)


def _evaluate(node: ast.expr, module: SourceModule) -> Any:
    """The type that an annotation spells, None when it is not made of configuration values."""
    if isinstance(node, ast.Constant):
        if node.value is None:
            return type(None)
        return _evaluate(ast.parse(node.value, mode="eval").body, module) if isinstance(node.value, str) else None
    if isinstance(node, (ast.Name, ast.Attribute)):
        name = node.id if isinstance(node, ast.Name) else node.attr
        if name in _PLAIN or name in _SEQUENCES:
            return _PLAIN.get(name) or _SEQUENCES[name]
        found = find_definition(module, name) if isinstance(node, ast.Name) else None
        value = getattr(found[1], "value", None) if found else None
        return _evaluate(value, found[0]) if found and isinstance(value, ast.expr) else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _union([_evaluate(node.left, module), _evaluate(node.right, module)])
    if isinstance(node, ast.Subscript):
        name = ast.unparse(node.value).rpartition(".")[2]
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if name == "Literal":
            return Literal[tuple(ast.literal_eval(item) for item in items)]
        if name == "Annotated":
            inner = _evaluate(items[0], module)
            bounds = [bound for item in items[1:] if (bound := _bound(item, module)) is not None]
            return Annotated[(inner, *bounds)] if inner is not None and bounds else inner
        members = [... if isinstance(item, ast.Constant) and item.value is ... else _evaluate(item, module) for item in items]
        if name == "Optional":
            return _union([*members, type(None)])
        if name == "Union":
            return _union(members)
        if name == "dict" and len(members) == 2 and None not in members:
            return dict[members[0], members[1]]
        if name in _SEQUENCES and None not in members:
            return _SEQUENCES[name][tuple(members)]
    return None


def _bound(node: ast.expr, module: SourceModule) -> Any:
    """The constraint of :mod:`hrmlab.config.values` that an annotation spells, such as ``AtLeast(1)``; None for any other remark."""
    found = named_class(node.func, module) if isinstance(node, ast.Call) else None
    if not isinstance(node, ast.Call) or found is None or found[0].name != values.__name__:
        return None
    positional = [_literal(argument, module) for argument in node.args]
    named = {str(keyword.arg): _literal(keyword.value, module) for keyword in node.keywords}
    if REQUIRED in (*positional, *named.values()):
        raise UserError(f"{module.file}: the bound {ast.unparse(node)} cannot be read without running the file; write its numbers out")
    return getattr(values, found[1].name)(*positional, **named)


def _union(members: list[Any]) -> Any:
    return None if None in members else Union[tuple(members)]  # noqa: UP007  (a union of values only known here)


def _literal(node: ast.expr, module: SourceModule) -> Any:
    if isinstance(node, ast.Name):
        found = find_definition(module, node.id)
        value = getattr(found[1], "value", None) if found else None
        if found and isinstance(value, ast.expr):
            return _literal(value, found[0])
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return REQUIRED
    return list(value) if isinstance(value, tuple) else value
