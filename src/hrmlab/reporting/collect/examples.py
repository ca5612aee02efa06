"""Single test examples as texts, read from predictions.parquet only for those that a report shows."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from hrmlab.reporting.collect.records import RunRecord
from hrmlab.reporting.collect.study import Study
from hrmlab.runs.directory import RunDirectory

_COLUMNS = ("input", "answer", "prediction")


@dataclass(frozen=True)
class AnsweredExample:
    """A test example: what was asked, the true answer, and what the network said; "" where one was not recorded."""

    input: str
    answer: str
    prediction: str


def read_examples(study: Study, run: RunRecord, rows: Sequence[int]) -> list[AnsweredExample] | None:
    """The examples at these places of the run's test split, in the order of their index; None where texts were not recorded."""
    path = RunDirectory.open(run.path).predictions_file
    try:
        with pq.ParquetFile(path) as file:
            there = set(file.schema_arrow.names)
            if not {"index", "input", "prediction"} <= there:
                return None
            table = file.read(columns=["index", *(name for name in _COLUMNS if name in there)])
        table = table.sort_by("index").take(list(rows))
        texts = {name: [str(value or "") for value in table[name].to_pylist()] if name in there else [""] * len(rows) for name in _COLUMNS}
    except (OSError, ValueError, IndexError, pa.ArrowException):
        return None
    return [AnsweredExample(*values) for values in zip(*(texts[name] for name in _COLUMNS), strict=True)]
