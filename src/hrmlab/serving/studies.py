"""The studies of a reports folder and of an output root, as tables that can be sorted.

A study's name from outside is only ever compared with the names that are there: it never becomes a path.
"""

import csv
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hrmlab.runs.finding import find_runs, studies
from hrmlab.serving import schemas
from hrmlab.serving.problems import Refusal

_SHOWN = {
    "task": "task",
    "arm": "arm",
    "size": "size",
    "seed": "seed",
    "test/exact_accuracy": "exact accuracy",
    "test/halting/exact_accuracy": "exact accuracy at halting",
    "test/cell_accuracy": "cell accuracy",
    "test/bits_per_byte": "bits per byte",
    "test/pass_at_1": "pass@1",
    "test/pass_at_2": "pass@2",
    "test/mean_segments": "mean segments",
    "test/count": "tested on",
    "score": "measure that counts",
    "budget/parameters": "parameters",
    "training/steps": "steps",
    "training/flops": "training FLOPs",
    "training/wall_seconds": "training seconds",
    "hash": "hash",
}
"""Columns of results.csv -> how they are headed; those that a study has are shown in this order."""

_TEXTS = ("task", "arm", "size", "score", "hash", "state")
_MOST_ROWS = 5_000


class StudyShelf:
    """What there is to read.

    Args:
        reports_root: ``reports/``, whose studies have a results.csv.
        output_root: ``outputs/``, with run directories.
    """

    def __init__(self, *, reports_root: Path, output_root: Path) -> None:
        self._reports, self._outputs = reports_root, output_root

    def names(self) -> list[schemas.Study]:
        """Those with a report, then those of run directories alone."""
        reported = sorted(path.parent.name for path in self._reports.glob("*/results.csv"))
        found = [
            schemas.Study(
                name=name,
                source="reports",
                report=f"/reports/{name}/report.html" if (self._reports / name / "report.html").is_file() else None,
            )
            for name in reported
        ]
        return [*found, *(schemas.Study(name=name, source="outputs", report=None) for name in studies(self._outputs))]

    def table(self, source: str, name: str) -> schemas.Table:
        """A study's runs.

        Raises:
            Refusal: there is no such study.
        """
        if not any(study.name == name and study.source == source for study in self.names()):
            raise Refusal(404, f"there is no study {name[:100]!r} in {source}; GET /v1/studies lists them", param="name")
        return self._of_report(name) if source == "reports" else self._of_runs(name)

    def report(self, name: str) -> Path:
        """A study's report.html.

        Raises:
            Refusal: there is none.
        """
        if not any(study.name == name and study.report for study in self.names()):
            raise Refusal(404, f"there is no report of {name[:100]!r}; GET /v1/studies lists them", param="name")
        return self._reports / name / "report.html"

    def _of_report(self, name: str) -> schemas.Table:
        folder = self._reports / name
        with (folder / "results.csv").open(newline="", encoding="utf-8") as file:
            rows = [row for row, _ in zip(csv.DictReader(file), range(_MOST_ROWS), strict=False)]
        try:
            verdict = json.loads((folder / "runs.json").read_text(encoding="utf-8"))["verdict"]["summary"]
        except (OSError, ValueError, KeyError, TypeError):
            verdict = ""
        return _table(name, "reports", str(verdict), rows)

    def _of_runs(self, name: str) -> schemas.Table:
        rows: list[dict[str, Any]] = []
        for run in find_runs(self._outputs, name)[:_MOST_ROWS]:
            summary, budget = run.read_json("summary.json") or {}, run.read_json("budget.json") or {}
            labels = run.labels
            row: dict[str, Any] = {"task": labels.task, "arm": labels.arm, "size": labels.size, "seed": labels.seed}
            row |= {"state": run.state, "hash": run.path.name, "score": summary.get("score"), "budget/parameters": budget.get("parameters")}
            for part in ("training", "test"):
                row |= {f"{part}/{key}": value for key, value in (summary.get(part) or {}).items()}
            rows.append(row)
        return _table(name, "outputs", "", rows, further={"state": "state"})


def _table(name: str, source: Any, summary: str, rows: list[dict[str, Any]], *, further: Mapping[str, str] | None = None) -> schemas.Table:
    shown = {key: head for key, head in (_SHOWN | dict(further or {})).items() if any(row.get(key) not in (None, "") for row in rows)}
    return schemas.Table(
        name=name,
        source=source,
        summary=summary,
        columns=[schemas.Column(name=head, number=key not in _TEXTS) for key, head in shown.items()],
        rows=[[row.get(key) if key in _TEXTS else _number(row.get(key)) for key in shown] for row in rows],
    )


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
