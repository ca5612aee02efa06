"""Files that are either wholly there or not there at all."""

import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from hrmlab.core.errors import UserError
from hrmlab.core.yaml_text import parse_yaml
from hrmlab.runs import locks

_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_TEMPORARY, _DRAFT = ".tmp", ".writing-"


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable (fsync of the folder itself)."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside ``path`` to write to; on leaving it is flushed to disk and renamed, on an error it is removed.

    A reader finds the old file or the new one, never a torn one. The new file takes the permissions of the old one. What a killed process
    leaves behind is found by :func:`remove_leftovers`.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{_TEMPORARY}")
    try:
        yield temporary
        with contextlib.suppress(FileNotFoundError):
            temporary.chmod(path.stat().st_mode & 0o777)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


@contextlib.contextmanager
def drafting(parent: Path, prefix: str) -> Iterator[Path]:
    """A new hidden folder in ``parent``, to be filled and renamed or emptied by the caller; removed where it is still there on leaving.

    It is locked while its process lives, so :func:`remove_leftovers` can tell the drafts of the dead. Network file systems lock folders
    for their own machine only, if at all, so its name says which machine that is.
    """
    while True:
        draft = parent / f"{prefix}{locks.machine()}-{secrets.token_hex(4)}"
        draft.mkdir()
        try:
            descriptor = os.open(draft, os.O_RDONLY)
        except FileNotFoundError:  # somebody took it for a dead one's already
            continue
        locks.wait_for_folder(descriptor)
        if draft.exists():  # nobody took it for a dead one's between its making and its locking
            break
        os.close(descriptor)
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        os.close(descriptor)


def remove_leftovers(folder: Path, *, drafts: str | None = None, name: str = "") -> None:
    """Remove what writers that were killed left in a folder; never what a living one still writes.

    Args:
        folder: whose files are looked at, not those of folders in it.
        drafts: prefix of drafted folders, of which those of this machine are removed that no process holds (where there are locks; the
            others stay, hidden); None: remove temporary files instead, which only the folder's single writer may do.
        name: only temporary files for this name.
    """
    with contextlib.suppress(OSError):  # a folder that cannot be read or written keeps its litter, which harms nobody
        if drafts is None:
            for path in folder.glob(f".{name}.*" if name else ".*"):
                if path.suffix in (_TEMPORARY, ".writing") and path.is_file():  # the second: of earlier versions
                    path.unlink(missing_ok=True)
            return
        for path in folder.glob(f"{drafts}{locks.machine()}-*"):
            _remove_if_dead(path)


def _remove_if_dead(draft: Path) -> None:
    descriptor = os.open(draft, os.O_RDONLY)
    try:
        if locks.try_folder(descriptor):
            shutil.rmtree(draft, ignore_errors=True)
    finally:
        os.close(descriptor)


def write_files(folder: Path, files: Mapping[str, bytes | Iterator[bytes]]) -> None:
    """Replace several files together, the last one last: all are written beside their places first and then moved in.

    Args:
        folder: there already, with the folders of the files.
        files: content by path relative to the folder, whole or in pieces.
    """
    remove_leftovers(folder, drafts=_DRAFT)
    with drafting(folder, _DRAFT) as draft:
        for name, content in files.items():
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            with (draft / name).open("wb") as file:
                file.writelines([content] if isinstance(content, bytes) else content)
        for name in files:
            (draft / name).replace(folder / name)


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file in one step."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Replace a UTF-8 text file in one step."""
    write_bytes(path, content.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file in one step. NaN and infinity, which JSON does not know, become null.

    Raises:
        TypeError: the value holds something that is not plain data (NumPy scalars and arrays are accepted).
    """
    write_text(path, json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_yaml(path: Path, value: Any) -> None:
    """Replace a YAML file of plain data in one step."""
    write_text(path, yaml.dump(value, Dumper=_DUMPER, sort_keys=False, allow_unicode=True))


def read_json(path: Path) -> dict[str, Any] | None:
    """A JSON object, None when there is no such file.

    Raises:
        UserError: the file is there and does not hold a JSON object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, OSError, RecursionError) as error:
        raise UserError(f"{path} cannot be read as JSON: {error}") from None
    if not isinstance(value, dict):
        raise UserError(f"{path} does not hold a JSON object")
    return value


def read_yaml(path: Path) -> Any:
    """A YAML file's plain data.

    Raises:
        UserError: the file is absent or not YAML.
    """
    try:
        return parse_yaml(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, OSError, RecursionError) as error:
        raise UserError(f"{path} cannot be read as YAML: {' '.join(str(error).split())}") from None


def _plain(value: Any) -> Any:
    """Plain data of a value: NumPy scalars and arrays to Python numbers and lists, paths to text, non-finite floats to None."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return str(value) if isinstance(value, Path) else value
