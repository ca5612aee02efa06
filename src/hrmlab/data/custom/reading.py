"""Reads a user's own token grids from .npz, .npy or .jsonl files."""

import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hrmlab.core.errors import UserError
from hrmlab.core.task import IGNORED_LABEL
from hrmlab.data.contradiction import two_answers
from hrmlab.data.example_set import check_length
from hrmlab.data.json_lines import place, read_rows


@dataclass(frozen=True, kw_only=True)
class Grids:
    """N examples.

    Attributes:
        inputs: (N, S) int32 token ids.
        labels: (N, S) int32 token ids, ``IGNORED_LABEL`` where nothing is asked.
        puzzle_ids: (N,) int32.
        shape: (rows, columns), with rows * columns = S; (1, S) for plain sequences.
    """

    inputs: np.ndarray
    labels: np.ndarray
    puzzle_ids: np.ndarray
    shape: tuple[int, int]


def read_grids(path: str | Path, *, labelled: bool = True) -> Grids:
    """Read one file.

    ``.npz``: arrays inputs, labels[, puzzle_ids]; ``.npy``: a pair of files ``<name>inputs.npy`` and ``<name>labels.npy``, named by
    the first; ``.jsonl``: one object ``{"input": ..., "output": ...[, "puzzle_id": n]}`` per line, grids as lists of rows or as one
    list. Arrays have the shape (N, S) or (N, rows, columns).

    Args:
        labelled: without it labels may be absent, and all are ignored.

    Raises:
        UserError: the file is missing, damaged, of another kind, or an example is not like the others; with its row.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path} is not a file; give the path of a .npz, .npy or .jsonl file (relative to {Path.cwd()}, or absolute)")
    readers = {".npz": _from_npz, ".npy": _from_npy, ".jsonl": _from_jsonl}
    if path.suffix not in readers:
        raise UserError(f"{path} has the ending '{path.suffix}'; give a .npz, .npy or .jsonl file")
    inputs, labels, puzzle_ids = readers[path.suffix](path, labelled)
    if inputs.ndim not in (2, 3) or not inputs.size:
        raise UserError(
            f"{path}: inputs have the shape {inputs.shape} instead of (examples, cells) or (examples, rows, columns); reshape them"
        )
    if labels is not None and labels.shape != inputs.shape:
        raise UserError(f"{path}: labels have the shape {labels.shape} and inputs {inputs.shape}; they must be equal")
    if puzzle_ids is None:
        puzzle_ids = np.zeros(len(inputs), np.int32)
    elif puzzle_ids.shape != (len(inputs),):
        raise UserError(f"{path}: puzzle_ids have the shape {puzzle_ids.shape} instead of ({len(inputs)},); give one id per example")
    shape = (1, inputs.shape[1]) if inputs.ndim == 2 else (inputs.shape[1], inputs.shape[2])
    check_length(shape[0] * shape[1], where=str(path))
    count = len(inputs)
    labels = (
        np.full(inputs.shape, IGNORED_LABEL, np.int32) if labels is None or not labelled else _whole(path, "labels", labels, IGNORED_LABEL)
    )
    grids = Grids(
        inputs=_whole(path, "inputs", inputs, None).reshape(count, -1),
        labels=labels.reshape(count, -1),
        puzzle_ids=_whole(path, "puzzle_ids", puzzle_ids, None),
        shape=shape,
    )
    if labelled:
        _check_answers(path, grids)
    return grids


def _check_answers(path: Path, grids: Grids) -> None:
    """Every example asks something, and no question has two answers."""
    silent = (grids.labels == IGNORED_LABEL).all(axis=1)
    if silent.any():
        where = place(str(path), int(silent.argmax()) + 1)
        raise UserError(f"{where}: all labels are {IGNORED_LABEL}, so nothing is asked; leave the row out or give it labels")
    found = two_answers(np.concatenate([grids.inputs, grids.puzzle_ids[:, None]], axis=1), grids.labels)
    if found is not None:
        raise UserError(
            f"{place(str(path), found[1] + 1)}: its input is that of row {found[0] + 1} and its labels are others; leave one of the two "
            "out, or tell them apart by puzzle_ids"
        )


def _whole(path: Path, name: str, values: np.ndarray, also: int | None) -> np.ndarray:
    """The values as int32; none may be negative but ``also``."""
    if not np.issubdtype(values.dtype, np.integer):
        raise UserError(f"{path}: {name} are of type {values.dtype} instead of integers; convert them to token ids from 0")
    bad = (values < 0) | (values > np.iinfo(np.int32).max)
    if also is not None:
        bad &= values != also
    if bad.any():
        row = int(np.argwhere(bad)[0][0])
        raise UserError(
            f"{path}, row {row + 1} (counted from 1): {name} hold {values[bad].flat[0]}, which is no token id; use whole numbers from 0"
        )
    return values.astype(np.int32)


Arrays = tuple[np.ndarray, np.ndarray | None, np.ndarray | None]


def _load(path: Path) -> dict[str, np.ndarray] | np.ndarray:
    try:
        with path.open("rb") as file:
            loaded: Any = np.load(file, allow_pickle=False)
            return {name: loaded[name] for name in loaded.files} if path.suffix == ".npz" else loaded
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        reason = " ".join(str(error).split())[:120]
        raise UserError(
            f"{path} cannot be read as NumPy data ({reason}); save it again with numpy.savez or numpy.save, numbers only"
        ) from error


def _from_npz(path: Path, labelled: bool) -> Arrays:
    arrays = _load(path)
    assert isinstance(arrays, dict)
    for name in ("inputs", "labels") if labelled else ("inputs",):
        if name not in arrays:
            raise UserError(f"{path} has no array '{name}' (it has: {', '.join(arrays) or 'none'}); add it with numpy.savez")
    return arrays["inputs"], arrays.get("labels"), arrays.get("puzzle_ids")


def _from_npy(path: Path, labelled: bool) -> Arrays:
    inputs = _load(path)
    assert isinstance(inputs, np.ndarray)
    if not labelled:
        return inputs, None, None
    if not path.stem.endswith("inputs"):
        raise UserError(f"{path}: a pair of .npy files is named <name>inputs.npy and <name>labels.npy; rename them and give the first")
    partner = path.with_name(path.stem.removesuffix("inputs") + "labels.npy")
    if not partner.is_file():
        raise UserError(f"{partner} does not exist; {path.name} needs it as its labels")
    labels = _load(partner)
    assert isinstance(labels, np.ndarray)
    return inputs, labels, None


def _from_jsonl(path: Path, labelled: bool) -> Arrays:
    inputs, labels, puzzle_ids = [], [], []
    needed = ("input", "output") if labelled else ("input",)
    for row in read_rows(path, what="example"):
        where = place(row.where, row.number)
        for name in needed:
            if name not in row.fields:
                raise UserError(f"{where}: it has no '{name}'; give an object with {' and '.join(needed)}")
        grids = [_grid(where, name, row.fields[name]) for name in needed]
        for name, grid in zip(needed, grids, strict=True):
            if grid.shape != (inputs or grids)[0].shape:
                raise UserError(
                    f"{where}: the {name} has the shape {grid.shape} instead of {(inputs or grids)[0].shape}; all grids have one size"
                )
        puzzle_id = row.fields.get("puzzle_id", 0)
        if isinstance(puzzle_id, bool):
            row.refuse("puzzle_id", f"is {json.dumps(puzzle_id)}; it must be a whole number")
        inputs.append(grids[0])
        labels += grids[1:]
        puzzle_ids.append(puzzle_id)
    return np.stack(inputs), np.stack(labels) if labels else None, np.array(puzzle_ids)


def _grid(where: str, name: str, value: Any) -> np.ndarray:
    try:
        grid = np.array(value)
    except ValueError as error:
        raise UserError(f"{where}: the {name} has rows of different lengths; fill them up with a token of their own") from error
    if _holds_boolean(value):
        raise UserError(f"{where}: the {name} holds true or false, which is no token id; use whole numbers from 0")
    if grid.ndim not in (1, 2) or not grid.size or not np.issubdtype(grid.dtype, np.integer):
        raise UserError(f"{where}: the {name} is not a list of whole numbers or a list of such rows; correct it")
    return grid


def _holds_boolean(value: Any) -> bool:
    """NumPy would read it as 0 or 1 beside numbers."""
    return any(map(_holds_boolean, value)) if isinstance(value, list) else isinstance(value, bool)
