"""What the report needs to know of one run, read from its directory once."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from hrmlab.core.errors import UserError
from hrmlab.runs.directory import RunDirectory, RunLabels

_CURVE_METRICS = ("val/exact_accuracy", "val/cell_accuracy", "train/examples_drawn", "train/examples_per_second")


@dataclass(frozen=True)
class Predictions:
    """Per-example outcomes on the test split, ordered by example index.

    Attributes:
        exact: (N,) bool, the whole grid right after all segments.
        passed: (N,) bool, the first completion of the problem passes its tests; None for puzzles.
        segments: (N,) segments used under learned halting, a mean over tokens for next-token prediction; None when not recorded.
        digest: hash of the examples and their order; equal digests mean that outcomes can be paired.
    """

    exact: np.ndarray
    passed: np.ndarray | None
    segments: np.ndarray | None
    digest: str

    def outcomes(self, score: str) -> np.ndarray | None:
        """(N,) bool, what counts as solved under the score's name in summary.json; None when not recorded."""
        return self.passed if score == "pass_at_1" else self.exact


@dataclass(frozen=True)
class Curve:
    """One metric over training: (K,) steps and (K,) values."""

    steps: np.ndarray
    values: np.ndarray


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """A completed run; ``audit`` is empty for runs older than the audit."""

    name: str
    labels: RunLabels
    hash: str
    completed: str
    config: dict[str, Any]
    overrides: list[str]
    summary: dict[str, Any]
    budget: dict[str, Any]
    data: dict[str, Any]
    provenance: dict[str, Any]
    audit: dict[str, Any]
    curves: dict[str, Curve]
    predictions: Predictions | None
    problems: tuple[str, ...] = field(default=())

    def test(self, metric: str) -> float | None:
        """A test metric of the summary; None when it was not recorded."""
        return number(self.summary.get("test", {}).get(metric))

    @property
    def score(self) -> str:
        """The name of the test metric that counts; runs older than the choice have exact accuracy."""
        return str(self.summary.get("score") or "exact_accuracy")

    @property
    def is_code(self) -> bool:
        """Whether the run predicts programs token by token."""
        return self.score == "pass_at_1" or self.test("bits_per_byte") is not None

    @property
    def other_tests(self) -> dict[str, dict[str, Any]]:
        """The results on further test sets, by their names."""
        found = self.summary.get("other_tests")
        return {name: result for name, result in found.items() if isinstance(result, dict)} if isinstance(found, dict) else {}

    @property
    def causality(self) -> dict[str, Any] | None:
        """What the causality audit measured; None where it was not made."""
        found = self.audit.get("causality")
        return found if isinstance(found, dict) else None

    @property
    def leaks(self) -> tuple[str, ...]:
        """How the future shows, in the audit's own sentences; empty where nothing leaks or nothing was measured."""
        found = self.causality
        if found is None or (found.get("passed") and not found.get("leaks")):
            return ()
        sentences = [str(leak.get("sentence") or "") for leak in found.get("leaks") or () if isinstance(leak, dict)]
        return tuple(sentence for sentence in sentences if sentence) or ("the causality audit failed and recorded no sentence",)

    def training(self, name: str) -> float | None:
        """A training total of the summary."""
        return number(self.summary.get("training", {}).get(name))

    def configured(self, dotted: str) -> Any:
        """A configuration value by its dotted key; None when absent."""
        value: Any = self.config
        for key in dotted.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        return value


def number(value: Any) -> float | None:
    """A finite number as float; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        return None
    return float(value)


def read_record(run: RunDirectory, *, output_root: str | Path) -> RunRecord:
    """Everything about one completed run.

    Raises:
        UserError: the summary or the configuration cannot be read; without them the run says nothing.
    """
    summary = run.read_json("summary.json")
    if summary is None or not isinstance(summary.get("test"), dict) or number(summary["test"].get("exact_accuracy")) is None:
        raise UserError(f"{run.path} is marked COMPLETED but its summary.json holds no test exact accuracy")
    score = str(summary.get("score") or "exact_accuracy")
    if number(summary["test"].get(score)) is None:
        raise UserError(f"{run.path} is marked COMPLETED but its summary.json holds no test {score}, the score it names")
    problems: list[str] = []
    extra: dict[str, dict[str, Any]] = {}
    for name in ("budget.json", "data.json", "provenance.json", "audit.json"):
        try:
            extra[name] = run.read_json(name) or {}
        except UserError as error:
            extra[name] = {}
            problems.append(str(error))
        if not extra[name] and name != "audit.json":  # of tasks without audits it is empty, of older runs not there
            problems.append(f"{name} is missing")
    return RunRecord(
        name=run_name(run.path, output_root),
        labels=run.labels,
        hash=run.hash,
        completed=run.completed,
        config=run.config,
        overrides=run.overrides,
        summary=summary,
        budget=extra["budget.json"],
        data=extra["data.json"],
        provenance=extra["provenance.json"],
        audit=extra["audit.json"],
        curves=_read_curves(run.metrics_file, problems),
        predictions=_read_predictions(run.predictions_file, problems),
        problems=tuple(problems),
    )


def run_name(path: Path, output_root: str | Path) -> str:
    """A run directory relative to the output root: the same on every machine."""
    return path.relative_to(output_root).as_posix()


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
    return next((int(step) for step in reversed(steps) if step.isdigit()), None)


def _read_curves(path: Path, problems: list[str]) -> dict[str, Curve]:
    columns = {"step": pa.int64(), "metric": pa.string(), "value": pa.float64()}
    try:
        rows = pa_csv.read_csv(
            path,
            convert_options=pa_csv.ConvertOptions(include_columns=list(columns), column_types=columns, null_values=["nan", "inf", "-inf"]),
        )
    except (OSError, KeyError, pa.ArrowException) as error:
        problems.append("metrics.csv is missing" if isinstance(error, FileNotFoundError) else f"metrics.csv cannot be read: {error}")
        return {}
    curves: dict[str, Curve] = {}
    for name in _CURVE_METRICS:
        named = rows.filter(pc.equal(rows["metric"], name))  # type: ignore[attr-defined]
        steps, values = named["step"].to_numpy(), named["value"].to_numpy()
        chosen = np.isfinite(values)
        if chosen.any():
            latest = dict(zip(steps[chosen].tolist(), values[chosen].tolist(), strict=True))  # of a repeated step the last row counts
            ordered = sorted(latest)
            curves[name] = Curve(np.array(ordered), np.array([latest[step] for step in ordered]))
    return curves


def _read_predictions(path: Path, problems: list[str]) -> Predictions | None:
    try:
        with pq.ParquetFile(path) as file:
            there = set(file.schema_arrow.names)
            puzzle = "input" if "input" in there else "input_hash"
            if not {"index", puzzle, "exact"} <= there:
                raise ValueError("it lacks one of the columns index, input, exact")
            table = file.read(columns=[name for name in ("index", puzzle, "exact", "passed", "segments") if name in there])
    except (OSError, ValueError, pa.ArrowException) as error:
        problems.append(
            "predictions.parquet is missing" if isinstance(error, FileNotFoundError) else f"predictions.parquet cannot be read: {error}"
        )
        return None
    index = table["index"].to_numpy()
    if np.any(index[1:] < index[:-1]):
        table = table.take(np.argsort(index, kind="stable"))
    text = "\n".join(str(value) for value in table[puzzle].to_pylist())
    return Predictions(
        exact=table["exact"].to_numpy().astype(bool),
        passed=table["passed"].to_numpy().astype(bool) if "passed" in there else None,
        segments=table["segments"].to_numpy() if "segments" in there else None,
        digest=hashlib.blake2b(text.encode("utf-8"), digest_size=16).hexdigest(),
    )
