"""Generated sets on disk: one .npz for each combination of generation parameters, safe against crashes and neighbours.

A file is written under a temporary name and renamed, so a reader never sees half of one. Processes that want the same set at the
same time take turns at a lock: the first generates, the others read what it wrote. A damaged file is generated again.
"""

import fcntl
import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from hrmlab.core.errors import UserError
from hrmlab.runs.files import remove_leftovers, replacing

Arrays = dict[str, np.ndarray]


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
    identity = json.dumps(parameters, sort_keys=True)
    name = f"{kind}-{hashlib.blake2b(identity.encode(), digest_size=8).hexdigest()}"
    folder = cache_directory()
    path = folder / f"{name}.npz"
    arrays = _load(path, identity)
    if arrays is not None:
        return arrays
    with _writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / f"{name}.lock").open("w")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # closing the file, or the death of the process, frees it
        arrays = _load(path, identity)
        if arrays is None:
            arrays = build()
            with _writable(folder):
                _store(path, identity, arrays)
    return arrays


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"the cache folder {folder} cannot be written ({error.strerror}); set HRMLAB_CACHE to a folder that can") from error


def _load(path: Path, identity: str) -> Arrays | None:
    """The stored arrays; None when the file is absent, damaged, or of other parameters."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError):
        return None
    stored_identity = arrays.pop("parameters", None)
    return arrays if stored_identity is not None and str(stored_identity) == identity else None


def _store(path: Path, identity: str, arrays: Arrays) -> None:
    remove_leftovers(path.parent, name=path.name)  # the lock is ours, so they are of processes that were killed
    with replacing(path) as temporary, temporary.open("xb") as file:
        np.savez_compressed(file, parameters=np.array(identity), **arrays)  # pyright: ignore[reportArgumentType]
