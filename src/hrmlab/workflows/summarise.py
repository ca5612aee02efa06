"""summary.json of a run, and its one-line form."""

from collections.abc import Mapping
from typing import Any

from hrmlab.core.measures import Measure
from hrmlab.workflows.fit import Fitted
from hrmlab.workflows.prepare import Prepared
from hrmlab.workflows.score import Scores


def summarise(prepared: Prepared, fitted: Fitted, scores: Scores) -> dict[str, Any]:
    """What summary.json holds."""
    return {
        **scores.declarations,
        "test": scores.test,
        "other_tests": scores.other_tests,
        "validation": scores.validation,
        "training": fitted.effort,
        "checkpoint": {"rule": prepared.config.training.evaluate, "step": scores.step},
    }


def result_words(summary: Mapping[str, Any]) -> str:
    """The test result in a few words: the measure that counts first, with learned halting where it differs, then the others that count."""
    test = summary.get("test") or {}
    measures = [Measure.from_dict(values) for values in summary.get("measures") or ()]
    chosen = sorted(
        (measure for measure in measures if measure.counts or measure.unit != "share"),
        key=lambda measure: measure.name != summary.get("score"),
    )
    parts = []
    for measure in chosen:
        value, halting = test.get(measure.name), test.get(f"halting/{measure.name}")
        if value is None:
            continue
        total = test.get("problems" if measure.name.startswith("pass_at") else "count")
        if measure.unit != "share":
            parts.append(f"{measure.wording} {value:.3f}")
            continue
        parts.append(f"test {measure.wording} {value:.4f}" + (f" ({round(value * total)} of {total})" if total else ""))
        if halting is not None and halting != value:
            parts.append(f"with learned halting {halting:.4f}")
    return ", ".join(parts)
