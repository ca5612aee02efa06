"""Arrow files: what ``datasets`` saves, batch by batch; and rows of tokens that are read by memory map."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa

from hrmlab.core.errors import UserError


def saved_files(folder: Path) -> dict[str, list[Path]]:
    """The data files of a folder that ``Dataset.save_to_disk`` or ``DatasetDict.save_to_disk`` made, by split; one Dataset is ``train``.

    Raises:
        UserError: it is no such folder.
    """
    try:
        if (folder / "dataset_dict.json").is_file():
            splits = json.loads((folder / "dataset_dict.json").read_text(encoding="utf-8"))["splits"]
            return {split: _files_of(folder / split) for split in splits}
        return {"train": _files_of(folder)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{folder} is not a folder that save_to_disk of the datasets library made ({' '.join(str(error).split())}); save it again, "
            "or give a .jsonl or .txt file"
        ) from None


def _files_of(folder: Path) -> list[Path]:
    state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    return [folder / file["filename"] for file in state["_data_files"]]


def saved_rows(files: list[Path]) -> Iterator[dict[str, Any]]:
    """The rows of such files in order, of which memory holds a batch at a time.

    Raises:
        UserError: a file is missing or damaged.
    """
    for file in files:
        try:
            with pa.memory_map(str(file)) as source, pa.ipc.open_stream(source) as reader:
                for batch in reader:
                    yield from batch.to_pylist()
        except (OSError, pa.ArrowInvalid) as error:
            raise UserError(f"{file} cannot be read as Arrow data ({' '.join(str(error).split())}); save the dataset again") from None


class RowWriter:
    """Writes arrays row by row into one Arrow file, without holding them.

    Arrow divides a file into batches, and what is to be one array has to stand in one: rows gather in plain files first.

    Args:
        path: of the file.
        columns: name -> type and numbers of a row.
    """

    def __init__(self, path: Path, columns: Mapping[str, tuple[np.dtype, int]]) -> None:
        self._path, self._columns = path, dict(columns)
        self._plain = {name: path.with_name(f"{path.name}.{name}.plain") for name in columns}
        self._files = {name: plain.open("wb") for name, plain in self._plain.items()}
        self.rows = 0

    def add(self, **rows: np.ndarray) -> None:
        """Some rows, (n, numbers) of every column."""
        for name, (kind, _) in self._columns.items():
            self._files[name].write(np.ascontiguousarray(rows[name], kind).tobytes())
        self.rows += len(next(iter(rows.values())))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Write the Arrow file, unless something went wrong or there are no rows; the plain ones go."""
        for file in self._files.values():
            file.close()
        if kind is None and self.rows:
            self._write()
        for plain in self._plain.values():
            plain.unlink()

    def _write(self) -> None:
        arrays = []
        for name, (kind, numbers) in self._columns.items():
            flat = pa.py_buffer(np.memmap(self._plain[name], kind, "r"))
            values = pa.Array.from_buffers(pa.from_numpy_dtype(kind), self.rows * numbers, [None, flat])
            arrays.append(pa.FixedSizeListArray.from_arrays(values, numbers))
        batch = pa.record_batch(arrays, names=list(self._columns))
        with pa.OSFile(str(self._path), "wb") as sink, pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)


def mapped_column(path: Path, name: str) -> np.memmap:
    """A column of a file of :class:`RowWriter` as (N, numbers), read by memory map."""
    with pa.memory_map(str(path)) as source:
        whole = source.read_buffer()
        with pa.ipc.open_stream(pa.BufferReader(whole)) as reader:
            column = reader.read_next_batch().column(name)
        assert isinstance(column, pa.FixedSizeListArray)
        values = column.flatten()
        kind = np.dtype(values.type.to_pandas_dtype())
        content = values.buffers()[1]
        assert content is not None
        return np.memmap(path, kind, "r", content.address - whole.address, (len(column), column.type.list_size))
