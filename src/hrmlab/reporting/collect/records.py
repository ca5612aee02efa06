"""What the report needs to know of one run, read from its directory once."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hrmlab.core.errors import UserError
from hrmlab.core.later_keys import without_neutral
from hrmlab.core.measures import Measure, Words
from hrmlab.reporting.collect.declared import Declared, declared
from hrmlab.reporting.collect.series import Curve, Predictions, read_curves, read_predictions
from hrmlab.reporting.collect.shapes import SHAPES, fitting
from hrmlab.reporting.collect.sharing import Shared
from hrmlab.reporting.collect.trust import check_mark, check_outcomes, check_values
from hrmlab.runs.directory import RunDirectory, RunLabels

_PROGRESS = ("train/examples_drawn", "train/examples_per_second", "train/cpu_seconds", "practice/reward")


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """A completed run; ``audit`` is empty for runs older than the audit.

    Attributes:
        completion: sorts launches of the same labels by when they were completed; ``completed`` is by the clock of its machine.
        declared: what its numbers mean, in its task's words.
        path: of its directory; of a run from an archive, a temporary one that lives as long as its study.
        shown: the arm as readers see it, where that is not its plain name.
        restored: digest of the archive that it was read from or put back from; empty for a run directory of this machine's own.
        problems: what of its record could not be read or was left out.
    """

    name: str
    labels: RunLabels
    hash: str
    completed: str
    completion: tuple[int, str]
    config: dict[str, Any]
    overrides: list[str]
    declared: Declared
    summary: dict[str, Any]
    budget: dict[str, Any]
    data: dict[str, Any]
    provenance: dict[str, Any]
    audit: dict[str, Any]
    curves: dict[str, Curve]
    predictions: Predictions | None
    path: Path
    shown: str = ""
    restored: str = ""
    problems: tuple[str, ...] = field(default=())

    @property
    def arm(self) -> str:
        """The arm as readers see it."""
        return self.shown or display_name(self.labels.arm)

    @property
    def measure(self) -> Measure:
        """The measure that counts."""
        return self.declared.measure

    @property
    def words(self) -> Words:
        """What its task calls its things."""
        return self.declared.words

    @property
    def result(self) -> dict[str, Any]:
        """What stands in summary.json of the test split."""
        return self.summary["test"]

    def test(self, metric: str) -> float | None:
        """A test metric of the summary; None when it was not recorded."""
        return number(self.result.get(metric))

    def outcomes(self, measure: Measure) -> np.ndarray | None:
        """(N,) float64 outcome of every test example under a measure, NaN where it does not count; None when not recorded."""
        return None if self.predictions is None else self.predictions.outcomes(measure.column)

    @property
    def other_tests(self) -> dict[str, dict[str, Any]]:
        """The results on further test sets, by their names."""
        return self.summary.get("other_tests") or {}

    @property
    def stages(self) -> list[dict[str, Any]]:
        """What each stage of learning by reward came to, the warm-up first; empty where there was none."""
        return self.summary.get("stages") or []

    @property
    def causality(self) -> dict[str, Any] | None:
        """What the causality audit measured; None where it was not made."""
        return self.audit.get("causality")

    @property
    def leaks(self) -> tuple[str, ...]:
        """How the future shows, in the audit's own sentences; empty where nothing leaks or nothing was measured."""
        found = self.causality
        if found is None or (found.get("passed") and not found.get("leaks")):
            return ()
        sentences = [str(leak.get("sentence") or "") for leak in found.get("leaks") or ()]
        return tuple(sentence for sentence in sentences if sentence) or ("the causality audit failed and recorded no sentence",)

    @property
    def halts(self) -> bool:
        """Whether learned halting stopped some test examples earlier than others."""
        segments = None if self.predictions is None else self.predictions.segments
        if segments is not None and np.isfinite(segments).any():
            return bool(np.nanmin(segments) < np.nanmax(segments))
        mean = self.test("mean_segments")
        return mean is not None and not mean.is_integer()

    @property
    def predicts_next_token(self) -> bool:
        """Whether its answers are predicted token by token, each given the true ones before it."""
        return self.data.get("next_token") is True

    def training(self, name: str) -> float | None:
        """A training total of the summary."""
        return number((self.summary.get("training") or {}).get(name))

    def configured(self, dotted: str) -> Any:
        """A configuration value by its dotted key; None when absent."""
        value: Any = self.config
        for key in dotted.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        return value


def display_name(arm: str) -> str:
    """``hrm,segments=1`` as readers see it: ``hrm segments=1``."""
    return arm.replace(",", " ")


def number(value: Any) -> float | None:
    """A finite number as float; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        return None
    return float(value)


def read_record(run: RunDirectory, *, output_root: str | Path, shown: str = "", shared: Shared | None = None) -> RunRecord:
    """Everything about one completed run that can be believed.

    Args:
        shared: keeps once what the records of several runs have in common; they must not be changed then.

    Raises:
        UserError: the summary or the configuration cannot be read; without them the run says nothing.
        NotVerified: the record contradicts itself.
    """
    problems: list[str] = []
    summary = _read(run, "summary.json", problems)
    if not (run.path / "summary.json").exists():
        raise UserError(f"{run.path} is marked COMPLETED but has no summary.json")
    says = declared(summary)
    measure, result = says.measure, summary.get("test") or {}
    if result.get(measure.name) is None:
        what = f"{measure.name}, the score it names" if summary.get("score") else measure.wording
        raise UserError(f"{run.path} is marked COMPLETED but its summary.json holds no test {what}")
    completed = check_mark(run)
    check_values(summary, says.measures, measure, problems)
    twins = [item.at_halting() for item in says.measures if item.halting]
    columns = dict.fromkeys(item.column for item in (*says.measures, *twins) if item.column is not None)
    predictions = read_predictions(run.predictions_file, columns, problems)
    check_outcomes(result, predictions, says.measures, measure, problems)
    extra: dict[str, dict[str, Any]] = {}
    for name in ("budget.json", "data.json", "provenance.json", "audit.json"):
        try:
            extra[name] = _read(run, name, problems)
        except UserError as error:
            extra[name] = {}
            problems.append(str(error))
        if not extra[name] and name != "audit.json":  # of tasks without audits it is empty, of older runs not there
            problems.append(f"{name} is missing")
    curves = [*(f"{split}/{item.name}" for split in ("val", "train") for item in says.measures), *_PROGRESS]
    once = shared or Shared()
    return RunRecord(
        name=run_name(run.path, output_root),
        labels=run.labels,
        hash=run.hash,
        completed=completed,
        completion=run.completion,
        config=once(without_neutral(run.config)),
        overrides=once(run.overrides),
        declared=says,
        summary=once(summary),
        budget=once(extra["budget.json"]),
        data=once(extra["data.json"]),
        provenance=once(extra["provenance.json"]),
        audit=once(extra["audit.json"]),
        curves=read_curves(run.metrics_file, curves, problems),
        predictions=predictions,
        path=run.path,
        shown=shown,
        restored=run.restored,
        problems=tuple(problems),
    )


def run_name(path: Path, output_root: str | Path) -> str:
    """A run directory relative to the output root: the same on every machine."""
    return path.relative_to(output_root).as_posix()


def _read(run: RunDirectory, name: str, problems: list[str]) -> dict[str, Any]:
    return fitting(run.read_json(name) or {}, SHAPES[name], f"{name}:", problems)
