"""Real functions to train on: the documented functions of the installed Python's own standard library.

The library's files are parsed and never imported or run. They are under the licence of Python, PSF-2.0 (a few modules carry a notice of
their own that is compatible with it), which allows training on them and passing them on with the notice. The set depends on the version
of Python, which every ``task_id`` names.
"""

import ast
import functools
import hashlib
import platform
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from hrmlab.core.errors import UserError
from hrmlab.data.code.normal_form import Definition, function_hash, parse, without_docstring
from hrmlab.data.code.source_text import FunctionText, split_function, write_docstring
from hrmlab.data.written.record import CodeRecord

FAMILY = "python_functions"

SPLITS = ("train", "validation")

VALIDATION_SHARE = 20
"""One function name of this many is for validation."""

SKIPPED_FOLDERS = {"test", "tests", "idlelib", "idle_test", "lib2to3", "site-packages", "dist-packages", "turtledemo", "__pycache__"}
"""Tests, programs rather than library, an outdated grammar, and what is not of the standard library."""

_CLASS_DECORATORS = {"staticmethod", "classmethod", "property", "abstractmethod", "setter", "getter", "deleter", "override", "final"}


def python_functions(
    *, seed: int, count: int | None = None, max_bytes: int | None = None, split: str = "train", library: str | Path | None = None
) -> list[CodeRecord]:
    """Documented functions of the standard library, each with its signature and docstring as prompt and its body as solution.

    Methods count as functions with a parameter ``self``; those that need their class (``super``, names with two leading underscores)
    are left out, and so are functions whose body does nothing. Of functions with equal syntax trees in normal form one is kept. The
    split follows from the function's name alone: no seed and no limit moves a function from one split to the other, and functions of one
    name, which often are variants of each other, stay together.

    Args:
        seed: of the order; equal seeds give equal lists, and a smaller ``count`` a beginning of the longer list.
        count: how many at most; None for all.
        max_bytes: longest prompt and solution together, in bytes of UTF-8; None for any.
        split: ``train`` or ``validation`` (one name in ``VALIDATION_SHARE``).
        library: folder of the library; None for the installed one.

    Returns:
        Records without tests (``test`` is empty).

    Raises:
        UserError: unknown split, a limit below 1, or fewer functions than ``count``.
    """
    if split not in SPLITS:
        raise UserError(f"split={split} is unknown; choose one of {', '.join(SPLITS)}")
    for name, value in (("count", count), ("max_bytes", max_bytes)):
        if value is not None and value < 1:
            raise UserError(f"{name}={value} must be at least 1; leave it out for no limit")
    folder = Path(library) if library is not None else Path(sysconfig.get_paths()["stdlib"])
    chosen = [
        record
        for record in _all_functions(folder)
        if (_number(record.entry_point) % VALIDATION_SHARE == 0) == (split == "validation")
        and (max_bytes is None or len((record.prompt + record.canonical_solution).encode("utf-8", "surrogatepass")) <= max_bytes)
    ]
    if len(chosen) < (count or 1):
        raise UserError(
            f"count={count or 1} functions were asked for, but the split {split} of {folder} has {len(chosen)} "
            f"(max_bytes={max_bytes}); lower count or raise max_bytes"
        )
    chosen.sort(key=lambda record: _number(f"{seed}:{record.program_hash}"))
    return chosen[:count]


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8"), digest_size=8).digest(), "big")


@functools.lru_cache(maxsize=2)
def _all_functions(folder: Path) -> tuple[CodeRecord, ...]:
    """In the order of the files' names and lines; equal functions once."""
    found: dict[str, CodeRecord] = {}
    names: set[str] = set()
    for path in sorted(folder.rglob("*.py")):
        place = path.relative_to(folder)
        if SKIPPED_FOLDERS.intersection(place.parts[:-1]):
            continue
        source = _read(path)
        tree = parse(source) if source is not None else None
        if source is None or tree is None:
            continue
        lines = source.split("\n")
        for qualified, node in _definitions(tree, ""):
            name = f"python-{platform.python_version()}/{place.as_posix()}:{qualified}"
            record = _record(name if name not in names else f"{name}:{node.lineno}", node, lines)
            if record is not None:
                names.add(name)
                found.setdefault(record.program_hash, record)
    return tuple(found.values())


def _read(path: Path) -> str | None:
    """The text with newlines as Python sees them; None where it is not UTF-8 (a few modules of old codecs)."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None


def _definitions(node: ast.AST, prefix: str) -> Iterator[tuple[str, Definition]]:
    """Functions and methods with their qualified names, also below ``if`` and ``try``; none within functions (they close over locals)."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Definition):
            yield prefix + child.name, child
        elif isinstance(child, ast.ClassDef):
            yield from _definitions(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.If | ast.Try | ast.ExceptHandler | ast.With):
            yield from _definitions(child, prefix)


def _record(task_id: str, node: Definition, lines: list[str]) -> CodeRecord | None:
    if not ast.get_docstring(node, clean=True) or not _does_something(node) or _needs_its_class(node):
        return None
    try:
        text: FunctionText = split_function("\n".join(lines[node.lineno - 1 : node.end_lineno]))
    except SyntaxError:  # a definition that shares its lines with other code
        return None
    decorators = "".join(f"@{ast.unparse(each)}\n" for each in node.decorator_list if not _belongs_to_class(each))
    prompt = decorators + text.signature + write_docstring(text.docstring or "")
    program_hash = function_hash(prompt + text.body, node.name)
    if program_hash is None:
        return None
    return CodeRecord(
        task_id=task_id,
        prompt=prompt,
        canonical_solution=text.body,
        test="",
        entry_point=node.name,
        depth=0,
        family=FAMILY,
        program_hash=program_hash,
        operations=(),
    )


def _does_something(node: Definition) -> bool:
    """Not only ``pass``, ``...`` or the announcement that somebody else shall write it."""
    return not all(
        isinstance(statement, ast.Pass)
        or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
        or (isinstance(statement, ast.Raise) and "NotImplementedError" in ast.unparse(statement))
        for statement in without_docstring(node.body)
    )


def _needs_its_class(node: Definition) -> bool:
    for child in ast.walk(node):
        name = child.id if isinstance(child, ast.Name) else child.attr if isinstance(child, ast.Attribute) else ""
        if name in ("super", "__class__") or (name.startswith("__") and not name.endswith("__")):
            return True
    return False


def _belongs_to_class(decorator: ast.expr) -> bool:
    last = decorator.attr if isinstance(decorator, ast.Attribute) else decorator.id if isinstance(decorator, ast.Name) else ""
    return last in _CLASS_DECORATORS
