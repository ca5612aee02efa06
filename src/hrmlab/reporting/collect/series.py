"""The two tables of a run: metrics.csv as curves, predictions.parquet as outcomes per example."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

_NUMBER = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_NO_VALUE = ("nan", "inf", "-inf")
_BY_SEGMENT = "exact_by_segment"


@dataclass(frozen=True)
class Curve:
    """One metric over training: (K,) steps, (K,) values, and (K,) seconds of training until then, NaN where they were not recorded."""

    steps: np.ndarray
    values: np.ndarray
    seconds: np.ndarray


@dataclass(frozen=True)
class Predictions:
    """Per-example outcomes on the test split, ordered by example index.

    Attributes:
        columns: name -> (N,) float64 outcome of every example; NaN for rows that do not count. Solved or not is 1 or 0.
        segments: (N,) segments used under learned halting, a mean over tokens for next-token prediction; None when not recorded.
        digest: hash of the examples and their order; equal digests mean that outcomes can be paired.
        exact_by_segment: (N, T) float32, whether the whole answer is right after so many segments, NaN for rows without a record of it;
            None when not recorded.
    """

    columns: dict[str, np.ndarray]
    segments: np.ndarray | None
    digest: str
    exact_by_segment: np.ndarray | None = None

    def outcomes(self, column: str | None) -> np.ndarray | None:
        """(N,) float64 of the column that a measure names; None when not recorded."""
        return None if column is None else self.columns.get(column)


def read_curves(path: Path, names: Iterable[str], problems: list[str]) -> dict[str, Curve]:
    """The named metrics of metrics.csv; lines that are no measurement are left out and counted in ``problems``."""
    columns = dict.fromkeys(("step", "seconds", "metric", "value"), pa.string())
    torn: list[int | None] = []

    def skip(row: pa_csv.InvalidRow) -> str:
        torn.append(row.number)
        return "skip"

    try:
        text = path.read_bytes().decode("utf-8", errors="replace")  # bytes that are no text spoil their own line only
        rows = pa_csv.read_csv(
            pa.BufferReader(text.encode()),
            read_options=pa_csv.ReadOptions(use_threads=False),
            parse_options=pa_csv.ParseOptions(invalid_row_handler=skip),
            convert_options=pa_csv.ConvertOptions(include_columns=list(columns), column_types=columns),
        )
    except (OSError, KeyError, pa.ArrowException) as error:
        problems.append("metrics.csv is missing" if isinstance(error, FileNotFoundError) else f"metrics.csv cannot be read: {error}")
        return {}
    is_step = pc.match_substring_regex(rows["step"], r"^[0-9]{1,15}$")  # type: ignore[attr-defined]
    is_value = pc.match_substring_regex(rows["value"], _NUMBER)  # type: ignore[attr-defined]
    unknown = pc.is_in(rows["value"], value_set=pa.array(_NO_VALUE))  # type: ignore[attr-defined]
    junk = len(torn) + rows.num_rows - sum(pc.and_(is_step, pc.or_(is_value, unknown)).to_pylist())  # type: ignore[attr-defined]
    if junk:
        problems.append(f"metrics.csv holds {junk} {'line' if junk == 1 else 'lines'} that are no measurement and were left out")
    rows = rows.filter(pc.and_(is_step, is_value))  # type: ignore[attr-defined]
    curves: dict[str, Curve] = {}
    for name in names:
        named = rows.filter(pc.equal(rows["metric"], name))  # type: ignore[attr-defined]
        steps, values = named["step"].cast(pa.int64()).to_numpy(), named["value"].cast(pa.float64()).to_numpy()
        chosen = np.flatnonzero(np.isfinite(values))
        if len(chosen):
            latest = dict(zip(steps[chosen].tolist(), chosen.tolist(), strict=True))  # of a repeated step the last row counts
            ordered = [latest[step] for step in sorted(latest)]
            curves[name] = Curve(steps[ordered], values[ordered], _seconds(named["seconds"].take(ordered)))
    return curves


def _seconds(column: pa.ChunkedArray) -> np.ndarray:
    """(K,) float64; NaN for whatever is no number."""
    known = pc.match_substring_regex(column, _NUMBER)  # type: ignore[attr-defined]
    numbers = pc.if_else(known, column, pa.scalar(None, pa.string())).cast(pa.float64())  # type: ignore[attr-defined]
    return np.asarray(numbers.to_numpy(), dtype=np.float64)


def read_predictions(path: Path, columns: Iterable[str], problems: list[str]) -> Predictions | None:
    """The named columns of predictions.parquet, where it has them; None, and a sentence in ``problems``, where it cannot be read."""
    try:
        with pq.ParquetFile(path) as file:
            there = set(file.schema_arrow.names)
            example = "input" if "input" in there else "input_hash"
            if not {"index", example} <= there:
                raise ValueError("it lacks one of the columns index and input")
            chosen = dict.fromkeys(name for name in ("index", example, "segments", _BY_SEGMENT, *columns) if name in there)
            table = file.read(columns=list(chosen), use_threads=False)  # small files: threads cost more than they save
        index = table["index"].to_numpy()
        if np.any(index[1:] < index[:-1]):
            table = table.take(np.argsort(index, kind="stable"))
        outcomes = {name: values for name in columns if name in there and (values := _numbers(table, name, problems)) is not None}
        segments = _numbers(table, "segments", problems) if "segments" in there else None
        by_segment = _outcomes_by_segment(table[_BY_SEGMENT], problems) if _BY_SEGMENT in there else None
    except (OSError, ValueError, pa.ArrowException) as error:
        said = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read: {error}"
        problems.append(f"predictions.parquet {said}")
        return None
    text = "\n".join(str(value) for value in table[example].to_pylist())
    digest = hashlib.blake2b(text.encode("utf-8"), digest_size=16).hexdigest()
    return Predictions(columns=outcomes, segments=segments, digest=digest, exact_by_segment=by_segment)


def _numbers(table: pa.Table, name: str, problems: list[str]) -> np.ndarray | None:
    """(N,) float64, NaN where a row has none; None for a column that holds no numbers."""
    column = table[name]
    if not (pa.types.is_boolean(column.type) or pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        problems.append(f"predictions.parquet: the column {name} holds no numbers and was left out")
        return None
    values = column.cast(pa.float64()).to_numpy()
    return np.where(np.isfinite(values), values, np.nan)


def _outcomes_by_segment(column: pa.ChunkedArray, problems: list[str]) -> np.ndarray | None:
    """(N, T) float32 of a column of lists of T outcomes, NaN in rows without one; None where lists differ in length or hold no numbers."""
    kind = column.type
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if is_list and (pa.types.is_boolean(kind.value_type) or pa.types.is_integer(kind.value_type) or pa.types.is_floating(kind.value_type)):
        rows = column.drop_null()
        lengths = pc.unique(pc.list_value_length(rows)).to_pylist()  # type: ignore[attr-defined]
        if not lengths:
            return None
        outcomes = np.asarray(pc.list_flatten(rows).cast(pa.float64()).to_numpy(), dtype=np.float64)  # type: ignore[attr-defined]
        if len(lengths) == 1 and lengths[0] and np.isfinite(outcomes).all():
            found = np.full((len(column), lengths[0]), np.nan, dtype=np.float32)
            found[np.asarray(column.is_valid().to_numpy(), dtype=bool)] = outcomes.reshape(-1, lengths[0])
            return found
    problems.append(f"predictions.parquet: the column {_BY_SEGMENT} does not hold the outcomes after each segment and was left out")
    return None


def last_step(metrics_file: Path) -> int | None:
    """The last step that metrics.csv mentions, read from its end; None when there is none."""
    try:
        with metrics_file.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - 4096))
            lines = file.read().decode("utf-8", errors="replace").split("\n")
    except OSError:
        return None
    steps = [line.partition(",")[0] for line in lines[:-1]]
    return next((int(step) for step in reversed(steps) if step.isascii() and step.isdigit()), None)
