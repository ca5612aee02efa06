"""The schema of a component, read from the source of its constructor without importing it.

Importing a model means importing torch, seconds in which a person waits to be told of a typing error. The parameters of
``_target_: package.module.Name`` are therefore parsed from the file. A parameter whose annotation is made of int, float, bool, str,
None, Literal, list and tuple is a configuration key, with the bounds that ``Annotated[int, AtLeast(1)]`` sets. A parameter annotated with
a subclass of :class:`hrmlab.core.components.Options` (``embedding: EmbeddingOptions``) stands for the fields of that dataclass: they are
keys of the component like all others, and :func:`hrmlab.core.components.build` puts them together again. Any other parameter
(``task: TaskSpec``) is handed in by the code that builds the component.
"""

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union

from hrmlab.config import values
from hrmlab.config.values import nearest
from hrmlab.core.components import Options
from hrmlab.core.errors import UserError

_PLAIN: dict[str, Any] = {"int": int, "float": float, "bool": bool, "str": str, "Path": str, "PathLike": str}
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


@dataclass(frozen=True)
class _Module:
    name: str
    file: Path
    is_package: bool

    @property
    def body(self) -> list[ast.stmt]:
        return _parse(self.file)


def component_parameters(target: str, *, path: str = "_target_") -> dict[str, Parameter]:
    """The configuration keys of the class or function at a dotted path.

    Args:
        target: such as ``hrmlab.models.hrm.HRM``.
        path: how to call the target in a complaint.

    Raises:
        UserError: there is no such module or name, or its signature cannot be a schema (``**kwargs``, no annotation, a key twice).
    """
    module_name, _, name = target.rpartition(".")
    module = _find_module(module_name) if module_name else None
    if module is None:
        raise UserError(f"{path}={target} cannot be found: there is no module {module_name or target} with readable source")
    found = _find(module, name)
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
    module = _find_module(module_name)
    found = None if module is None else _find(module, name)
    while found is not None and isinstance(found[1], ast.ClassDef):
        declared = next((value for item in found[1].body if (value := _assigned(item, "solves")) is not None), None)
        if declared is not None:
            return frozenset(_first_arguments(declared, found[0]))
        found = next(_bases(found[0], found[1]), None)
    return frozenset()


def _assigned(item: ast.stmt, name: str) -> ast.expr | None:
    """What a statement assigns to a name; None where it does not."""
    targets = item.targets if isinstance(item, ast.Assign) else [item.target] if isinstance(item, ast.AnnAssign) else []
    is_it = any(isinstance(target, ast.Name) and target.id == name for target in targets)
    return item.value if is_it and isinstance(item, (ast.Assign, ast.AnnAssign)) else None


def _first_arguments(node: ast.expr, module: _Module) -> Iterator[str]:
    """The first argument of each call in a tuple, which may stand under a name of its own."""
    if isinstance(node, ast.Name):
        found = _find(module, node.id)
        value = getattr(found[1], "value", None) if found else None
        if found and isinstance(value, ast.expr):
            yield from _first_arguments(value, found[0])
    for item in getattr(node, "elts", ()):
        if isinstance(item, ast.Call) and item.args and isinstance(item.args[0], ast.Constant):
            yield str(item.args[0].value)


def _parameters(module: _Module, node: ast.stmt, target: str) -> Iterator[tuple[str, Parameter]]:
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


def _constructor(module: _Module, node: ast.ClassDef) -> tuple[_Module, ast.FunctionDef | ast.ClassDef] | None:
    """What says how a class is made: its ``__init__``, the class itself where it is a dataclass, or those of its bases."""
    constructor = next((item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"), None)
    if constructor is not None:
        return module, constructor
    if _is_dataclass(node):
        return module, node
    return next((found for base in _bases(module, node) if (found := _constructor(*base)) is not None), None)


def _options(annotation: ast.expr, module: _Module) -> tuple[_Module, ast.ClassDef] | None:
    """The dataclass of options that a parameter is annotated with; None for any other annotation."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return _options(ast.parse(annotation.value, mode="eval").body, module)
    found = _class(annotation, module)
    return found if found is not None and _is_options(*found) else None


def _is_options(module: _Module, node: ast.ClassDef) -> bool:
    return any(
        (base.name, definition.name) == (Options.__module__, Options.__name__) or _is_options(base, definition)
        for base, definition in _bases(module, node)
    )


def _is_dataclass(node: ast.ClassDef) -> bool:
    return any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list)


def _dataclass_fields(module: _Module, node: ast.ClassDef) -> dict[str, Parameter]:
    """The fields of a dataclass, inherited ones first; one that is said again has the last word's type and default."""
    result: dict[str, Parameter] = {}
    for base in reversed(list(_bases(module, node))):
        result |= _dataclass_fields(*base)
    for item in node.body if _is_dataclass(node) else ():
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            annotation = _evaluate(item.annotation, module)
            if annotation is not None:
                result[item.target.id] = Parameter(annotation, REQUIRED if item.value is None else _literal(item.value, module))
    return result


def _evaluate(node: ast.expr, module: _Module) -> Any:
    """The type that an annotation spells, None when it is not made of configuration values."""
    if isinstance(node, ast.Constant):
        if node.value is None:
            return type(None)
        return _evaluate(ast.parse(node.value, mode="eval").body, module) if isinstance(node.value, str) else None
    if isinstance(node, (ast.Name, ast.Attribute)):
        name = node.id if isinstance(node, ast.Name) else node.attr
        if name in _PLAIN or name in _SEQUENCES:
            return _PLAIN.get(name) or _SEQUENCES[name]
        found = _find(module, name) if isinstance(node, ast.Name) else None
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
        if name in _SEQUENCES and None not in members:
            return _SEQUENCES[name][tuple(members)]
    return None


def _bound(node: ast.expr, module: _Module) -> Any:
    """The constraint of :mod:`hrmlab.config.values` that an annotation spells, such as ``AtLeast(1)``; None for any other remark."""
    found = _class(node.func, module) if isinstance(node, ast.Call) else None
    if not isinstance(node, ast.Call) or found is None or found[0].name != values.__name__:
        return None
    positional = [_literal(argument, module) for argument in node.args]
    named = {str(keyword.arg): _literal(keyword.value, module) for keyword in node.keywords}
    if REQUIRED in (*positional, *named.values()):
        raise UserError(f"{module.file}: the bound {ast.unparse(node)} cannot be read without running the file; write its numbers out")
    return getattr(values, found[1].name)(*positional, **named)


def _union(members: list[Any]) -> Any:
    return None if None in members else Union[tuple(members)]  # noqa: UP007  (a union of values only known here)


def _literal(node: ast.expr, module: _Module) -> Any:
    if isinstance(node, ast.Name):
        found = _find(module, node.id)
        value = getattr(found[1], "value", None) if found else None
        if found and isinstance(value, ast.expr):
            return _literal(value, found[0])
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return REQUIRED
    return list(value) if isinstance(value, tuple) else value


def _bases(module: _Module, node: ast.ClassDef) -> Iterator[tuple[_Module, ast.ClassDef]]:
    """The bases of a class whose source is found, in their order."""
    yield from (found for base in node.bases if (found := _class(base, module)) is not None)


def _class(node: ast.expr, module: _Module) -> tuple[_Module, ast.ClassDef] | None:
    """The class that a name, or a name of an imported module (``options.EmbeddingOptions``), stands for."""
    found = None
    if isinstance(node, ast.Name):
        found = _find(module, node.id)
    elif isinstance(node, ast.Attribute):
        source = _imported(ast.unparse(node.value), module)
        found = None if source is None else _find(source, node.attr)
    return (found[0], found[1]) if found is not None and isinstance(found[1], ast.ClassDef) else None


def _imported(name: str, module: _Module) -> _Module | None:
    """The module that a name stands for in another."""
    for statement in _statements(module.body):
        if not isinstance(statement, (ast.Import, ast.ImportFrom)):
            continue
        package = f"{_absolute(statement, module)}." if isinstance(statement, ast.ImportFrom) else ""
        original = next((alias.name for alias in statement.names if (alias.asname or alias.name) == name), None)
        if original is not None:
            return _find_module(package + original)
    return None


def _find(module: _Module, name: str) -> tuple[_Module, ast.stmt] | None:
    """The statement that defines a name, in the module or in the one it is imported from."""
    for statement in _statements(module.body):
        if isinstance(statement, (ast.ClassDef, ast.FunctionDef)) and statement.name == name:
            return module, statement
        targets = (
            statement.targets
            if isinstance(statement, ast.Assign)
            else [getattr(statement, "target", None) or getattr(statement, "name", None)]
        )
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return module, statement
        if isinstance(statement, ast.ImportFrom):
            original = next((alias.name for alias in statement.names if (alias.asname or alias.name) == name), None)
            source = _find_module(_absolute(statement, module)) if original else None
            if source is not None and original is not None:
                return _find(source, original)
    return None


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        if isinstance(statement, ast.If):  # if TYPE_CHECKING:
            yield from _statements(statement.body)


def _absolute(statement: ast.ImportFrom, module: _Module) -> str:
    if not statement.level:
        return statement.module or ""
    package = module.name.split(".")
    package = package[: len(package) - statement.level + module.is_package]
    return ".".join([*package, *([statement.module] if statement.module else [])])


@cache
def _find_module(name: str) -> _Module | None:
    """The source file of a module. Only the outermost package is looked up by the import system, which does not run it."""
    top, *rest = name.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if not rest:
        return (
            _Module(name, Path(spec.origin), bool(spec.submodule_search_locations)) if spec.origin and spec.origin.endswith(".py") else None
        )
    for location in spec.submodule_search_locations or []:
        base = Path(location, *rest)
        for file, is_package in ((base.with_name(base.name + ".py"), False), (base / "__init__.py", True)):
            if file.is_file():
                return _Module(name, file, is_package)
    return None


@cache
def _parse(file: Path) -> list[ast.stmt]:
    return ast.parse(file.read_text(encoding="utf-8"), filename=str(file)).body
