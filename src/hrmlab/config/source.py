"""Names looked up in source files: which statement defines one, through imports and base classes, without running anything.

What :mod:`hrmlab.config.signatures` needs to read a schema before torch is imported.
"""

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class SourceModule:
    """A module whose source file is known and which is not run: its dotted name, its file, whether it is a package's ``__init__``."""

    name: str
    file: Path
    is_package: bool

    @property
    def body(self) -> list[ast.stmt]:
        """Its outermost statements."""
        return _parse(self.file)


def base_classes(module: SourceModule, node: ast.ClassDef) -> Iterator[tuple[SourceModule, ast.ClassDef]]:
    """The bases of a class whose source is found, in their order."""
    yield from (found for base in node.bases if (found := named_class(base, module)) is not None)


def named_class(node: ast.expr, module: SourceModule) -> tuple[SourceModule, ast.ClassDef] | None:
    """The class that a name, or a name of an imported module (``options.EmbeddingOptions``), stands for."""
    found = None
    if isinstance(node, ast.Name):
        found = find_definition(module, node.id)
    elif isinstance(node, ast.Attribute):
        source = _imported(ast.unparse(node.value), module)
        found = None if source is None else find_definition(source, node.attr)
    return (found[0], found[1]) if found is not None and isinstance(found[1], ast.ClassDef) else None


def _imported(name: str, module: SourceModule) -> SourceModule | None:
    """The module that a name stands for in another."""
    for statement in _statements(module.body):
        if not isinstance(statement, (ast.Import, ast.ImportFrom)):
            continue
        package = f"{_absolute(statement, module)}." if isinstance(statement, ast.ImportFrom) else ""
        original = next((alias.name for alias in statement.names if (alias.asname or alias.name) == name), None)
        if original is not None:
            return find_module(package + original)
    return None


def find_definition(module: SourceModule, name: str) -> tuple[SourceModule, ast.stmt] | None:
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
            source = find_module(_absolute(statement, module)) if original else None
            if source is not None and original is not None:
                return find_definition(source, original)
    return None


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        if isinstance(statement, ast.If):  # if TYPE_CHECKING:
            yield from _statements(statement.body)


def _absolute(statement: ast.ImportFrom, module: SourceModule) -> str:
    if not statement.level:
        return statement.module or ""
    package = module.name.split(".")
    package = package[: len(package) - statement.level + module.is_package]
    return ".".join([*package, *([statement.module] if statement.module else [])])


@cache
def find_module(name: str) -> SourceModule | None:
    """The source file of a module. Only the outermost package is looked up by the import system, which does not run it."""
    top, *rest = name.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if not rest:
        file = Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None
        return file and SourceModule(name, file, bool(spec.submodule_search_locations))
    for location in spec.submodule_search_locations or []:
        base = Path(location, *rest)
        for file, is_package in ((base.with_name(base.name + ".py"), False), (base / "__init__.py", True)):
            if file.is_file():
                return SourceModule(name, file, is_package)
    return None


@cache
def _parse(file: Path) -> list[ast.stmt]:
    return ast.parse(file.read_text(encoding="utf-8"), filename=str(file)).body
