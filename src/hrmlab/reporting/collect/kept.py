"""What of a study goes into its archive (``runs/archive``): every run that counts, as far as a report reads it, and the list of the others.

JSON and YAML records and metrics.csv are kept as they are. predictions.parquet is written again without compression, so that the archive's
own finds what runs share, and without long texts. Checkpoints, generations and logs stay where they are.
"""

import io
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hrmlab.core.errors import UserError
from hrmlab.reporting.collect.left_out import ListedRun, State
from hrmlab.reporting.collect.study import Study
from hrmlab.runs.archive import Archive, read_archive, write_archive
from hrmlab.runs.directory import RunDirectory

_RECORDS = ("COMPLETED", "*.json", "*.yaml", "*.csv")
_LONGEST_TEXT = 256
"""Mean number of bytes above which a column of texts that are no questions is left out."""


def keep_records(study: Study, path: Path) -> Archive:
    """Write a study's archive. Runs of the old one whose folders are not under the output root stay in, so it grows over several machines.

    Raises:
        UserError: the old archive is damaged or of another study, a run cannot be read, or the folder cannot be written.
    """
    old = read_archive(path)
    if old is not None and old.study != study.name:
        raise UserError(f"{path} holds study {old.study}, not {study.name}; move it away first")
    held: dict[str, dict[str, bytes]] = {}
    for record in study.runs:
        if record.path == study.output_root / record.name:
            held[_below(study, record.name)] = kept_files(RunDirectory.open(record.path))
    if old is not None:
        counted = {_below(study, record.name) for record in study.runs}
        elsewhere = [
            name for name in old.runs if name not in held and (name in counted or not (study.output_root / study.name / name).exists())
        ]
        held |= dict(old.contents(elsewhere))
    notes = [asdict(_at_rest(item)) for item in study.listed if _below(study, item.name) not in held]
    return write_archive(path, study=study.name, runs=held, notes=notes)


def kept_files(run: RunDirectory) -> dict[str, bytes]:
    """The files of a completed run that an archive keeps; of a run that was put back from one, all that it has."""
    try:
        found = {path.name: path.read_bytes() for pattern in _RECORDS for path in run.path.glob(pattern) if not path.name.startswith(".")}
        if run.predictions_file.is_file():
            content = run.predictions_file.read_bytes()
            found[run.predictions_file.name] = content if run.restored else _slim(content)
    except OSError as error:
        raise UserError(f"{run.path} cannot be kept: {error.filename}: {error.strerror}") from None
    return found


def noted(archive: Archive) -> Iterator[ListedRun]:
    """The runs that did not count when the archive was written."""
    known = {field.name: field.type for field in fields(ListedRun)}
    for note in archive.notes:
        values: dict[str, Any] = {key: value for key, value in note.items() if key in known}
        if isinstance(values.get("name"), str) and values.get("state") in get_args(State) and isinstance(values.get("reason"), str):
            yield ListedRun(**values)


def _at_rest(item: ListedRun) -> ListedRun:
    """Of a run that is still running no archive can say what became of it."""
    return item if item.state != "running" else replace(item, state="interrupted", reason=f"{item.reason}, when the records were written")


def _below(study: Study, name: str) -> str:
    return name.removeprefix(f"{study.name}/")


def _slim(content: bytes) -> bytes:
    """A parquet file with plain columns; as it is where it cannot be read, which the report says."""
    try:
        table = pq.read_table(io.BytesIO(content))
        kept = [name for name in table.column_names if name.startswith("input") or not _is_long(table[name])]
        buffer = io.BytesIO()
        pq.write_table(
            table.select(kept).replace_schema_metadata(None), buffer, compression="none", use_dictionary=False, write_statistics=False
        )
    except (OSError, ValueError, pa.ArrowException):
        return content
    return buffer.getvalue()


def _is_long(column: pa.ChunkedArray) -> bool:
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)) or not len(column):
        return False
    mean = pc.mean(pc.binary_length(column)).as_py()  # type: ignore[attr-defined]
    return mean is not None and mean > _LONGEST_TEXT
