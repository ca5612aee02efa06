"""Generated sets on disk: one file for each combination of generation parameters, safe against crashes and neighbours.

Arrays are kept as .npz, texts (records, tokenizers) as gzipped text below a line with the parameters, which ``zcat`` shows.

A file is written under a temporary name and renamed, so a reader never sees half of one. Processes that want the same set at the
same time take turns at a lock: the first generates, the others read what it wrote. A damaged file is generated again.
"""

import gzip
import hashlib
import json
import os
import shutil
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeVar

import numpy as np

from hrmlab.core.errors import UserError
from hrmlab.runs import locks
from hrmlab.runs.files import remove_leftovers, replacing

Arrays = dict[str, np.ndarray]
T = TypeVar("T")
_PAUSE = 0.05


def cache_directory() -> Path:
    """$HRMLAB_CACHE, or ~/.cache/hrmlab."""
    chosen = os.environ.get("HRMLAB_CACHE")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "hrmlab"


def cached(kind: str, parameters: dict, build: Callable[[], Arrays]) -> Arrays:
    """The arrays that ``build`` makes, from the cache when they were built before with equal parameters.

    Args:
        kind: first part of the file name, e.g. ``sudoku``.
        parameters: everything the result depends on, the generator's version included; JSON types.

    Raises:
        UserError: the cache folder cannot be written.
    """
    return _cached(f"{kind}-{{}}.npz", parameters, build, _load_arrays, _write_arrays)


def cached_text(kind: str, parameters: dict, build: Callable[[], str], *, suffix: str = "txt") -> str:
    """The text that ``build`` makes, likewise; ``suffix`` says in the file's name what kind of text it is."""
    return _cached(f"{kind}-{{}}.{suffix}.gz", parameters, build, _load_text, _write_text)


def cached_folder(kind: str, parameters: dict, build: Callable[[Path], None]) -> Path:
    """The folder that ``build`` fills, likewise, for what memory shall not hold.

    It is filled under a hidden name and renamed when it is whole. Files in it are never read to see whether they are whole.
    """
    identity = json.dumps(parameters, sort_keys=True)
    path = cache_directory() / f"{kind}-{hashlib.blake2b(identity.encode(), digest_size=8).hexdigest()}"
    if (path / "parameters.json").is_file():
        return path
    with _writable(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = (path.parent / f"{path.name}.lock").open("w")
    with lock, _holding(lock, path.parent):
        if not (path / "parameters.json").is_file():
            draft = path.with_name(f".{path.name}.draft")  # the lock is ours, so one that is there is of a process that was killed
            with _writable(path.parent):
                shutil.rmtree(draft, ignore_errors=True)
                draft.mkdir()
            try:
                build(draft)
                with _writable(path.parent):
                    (draft / "parameters.json").write_text(identity, encoding="utf-8")
                    draft.rename(path)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
    return path


def _cached(
    name: str,
    parameters: dict,
    build: Callable[[], T],
    load: Callable[[Path, str], T | None],
    write: Callable[[IO[bytes], str, T], None],
) -> T:
    identity = json.dumps(parameters, sort_keys=True)
    folder = cache_directory()
    path = folder / name.format(hashlib.blake2b(identity.encode(), digest_size=8).hexdigest())
    content = load(path, identity)
    if content is not None:
        return content
    with _writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / f"{path.name.partition('.')[0]}.lock").open("w")
    with lock, _holding(lock, folder):
        content = load(path, identity)
        if content is None:
            content = build()
            with _writable(folder):
                _store(path, lambda file: write(file, identity, content))
    return content


@contextmanager
def _holding(lock: IO[str], folder: Path) -> Iterator[None]:
    """Wait for the turn; the death of a process ends its own."""
    while True:
        with _writable(folder):
            hold = locks.try_hold(lock)
        if hold is not None:
            break
        time.sleep(_PAUSE)
    try:
        yield
    finally:
        hold.release()


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"the cache folder {folder} cannot be written ({error.strerror}); set HRMLAB_CACHE to a folder that can") from error


def _load_arrays(path: Path, identity: str) -> Arrays | None:
    """The stored arrays; None when the file is absent, damaged, or of other parameters."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError):
        return None
    stored_identity = arrays.pop("parameters", None)
    return arrays if stored_identity is not None and str(stored_identity) == identity else None


def _write_arrays(file: IO[bytes], identity: str, arrays: Arrays) -> None:
    np.savez_compressed(file, parameters=np.array(identity), **arrays)  # pyright: ignore[reportArgumentType]


def _load_text(path: Path, identity: str) -> str | None:
    """The stored text; None as for arrays."""
    try:
        stored_identity, _, text = gzip.decompress(path.read_bytes()).decode().partition("\n")
    except (OSError, ValueError, EOFError, zlib.error):
        return None
    return text if stored_identity == identity else None


def _write_text(file: IO[bytes], identity: str, text: str) -> None:
    file.write(gzip.compress(f"{identity}\n{text}".encode(), mtime=0))


def _store(path: Path, write: Callable[[IO[bytes]], None]) -> None:
    remove_leftovers(path.parent, name=path.name)  # the lock is ours, so they are of processes that were killed
    with replacing(path) as temporary, temporary.open("xb") as file:
        write(file)
