"""results.csv and results.parquet: one flat row per run that counts."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hrmlab.reporting.collect.records import RunRecord
from hrmlab.reporting.compare.arms import options_of
from hrmlab.reporting.compare.leaks import leak_state
from hrmlab.reporting.page.origin import run_command


def result_row(run: RunRecord) -> dict[str, Any]:
    """Labels, whether it leaks, what counts, every number of the summary and the budget, what the arm is, the command."""
    row: dict[str, Any] = {**asdict(run.labels), "leaks": leak_state(run), "score": run.measure.name}
    row |= {"hash": run.hash, "run": run.name, "completed": run.completed, **flat_results(run)}
    for section in ("validation", "training", "checkpoint"):
        row.update(
            {f"{section}/{name}": value for name, value in (run.summary.get(section) or {}).items() if not isinstance(value, (list, dict))}
        )
    row.update({f"budget/{name}": value for name, value in run.budget.items() if not isinstance(value, (list, dict))})
    row.update({f"budget/solved/{name}": value for name, value in (run.budget.get("solved") or {}).items()})
    row.update(options_of(run))
    return {**row, "git_commit": run.provenance.get("git_commit"), "command": run_command(run)}


def result_columns(runs: Sequence[RunRecord]) -> dict[str, list[Any]]:
    """A column for everything that any run recorded, each as long as there are runs; None where a run has not recorded it."""
    columns: dict[str, list[Any]] = {name: [] for name in ("study", "task", "arm", "size", "seed")}
    for place, run in enumerate(runs):
        for name, value in result_row(run).items():
            column = columns.setdefault(name, [])
            column.extend([None] * (place - len(column)))
            column.append(value)
    for column in columns.values():
        column.extend([None] * (len(runs) - len(column)))
    return columns


def results_csv(columns: Mapping[str, Sequence[Any]]) -> str:
    """results.csv's content."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return buffer.getvalue()


def results_parquet(columns: Mapping[str, list[Any]]) -> bytes:
    """results.parquet's content: the same rows, numbers as numbers; a column of mixed kinds holds texts."""
    table = pa.table({name: _column(values) for name, values in columns.items()})
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def _column(values: list[Any]) -> pa.Array:
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float}:
        return pa.array([None if value is None else float(value) if float in kinds else value for value in values])
    if kinds in ({bool}, {str}):
        return pa.array(values)
    return pa.array([value if value is None or isinstance(value, str) else json.dumps(value) for value in values], pa.string())


def flat_results(run: RunRecord) -> dict[str, Any]:
    """The numbers of all test sets as ``test/pass_at_1_low``, ``test_deeper/bits_per_byte``, ``test/verdicts/passed`` ..."""
    row: dict[str, Any] = {}
    for name, result in {"test": run.result, **run.other_tests}.items():
        for key, value in result.items():
            if isinstance(value, dict):
                row.update({f"{name}/{key}/{inner}": each for inner, each in value.items() if not isinstance(each, (list, dict))})
            elif key.endswith("_interval") and isinstance(value, list) and len(value) == 2:
                base = f"{name}/{key.removesuffix('_interval')}"
                row |= {f"{base}_low": value[0], f"{base}_high": value[1]}
            elif not isinstance(value, list):
                row[f"{name}/{key}"] = value
    return row
