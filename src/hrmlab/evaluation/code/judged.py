"""What judged completions come to: pass@k with intervals, by depth, copying, bits per byte. No model is needed for it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hrmlab.config.schema import Evaluation
from hrmlab.core.measures import Measure
from hrmlab.core.randomness import stream
from hrmlab.data.code.measures import pass_at
from hrmlab.data.written.record import CodeRecord
from hrmlab.evaluation.code.copying import mean_copied_share
from hrmlab.statistics.intervals import Estimate
from hrmlab.statistics.pass_at_k import pass_at_k
from hrmlab.statistics.ratio import ratio_of_sums

SAMPLING_KEYS = ("samples", "temperature", "top_p", "max_new_tokens", "stop", "halting", "timeout")
"""The settings that a score depends on; they stand beside it."""


def judged_result(
    rows: Sequence[Mapping[str, Any]], problems: Sequence[CodeRecord], *, settings: Evaluation, generated: bool
) -> dict[str, Any]:
    """The score of judged completions.

    Args:
        rows: from :func:`hrmlab.evaluation.code.completions.judge`.
        problems: all problems; those without a completion count as not answered, with no sample.
        settings: of the evaluation.
        generated: whether the completions were made under these settings; read from a file, nothing is known of their making.
    """
    drawn = Counter(str(row["task_id"]) for row in rows)
    passed = Counter(str(row["task_id"]) for row in rows if row["passed"])
    counts, solved = [drawn[record.task_id] for record in problems], [passed[record.task_id] for record in problems]
    result: dict[str, Any] = {"count": len(problems), "completions": len(rows)}
    for k in settings.ks:
        found = pass_at_k(counts, solved, k, random=stream(0, "pass at k", k))
        if found.estimate is None:
            result[f"pass_at_{k}_reason"] = found.reason
        else:
            result |= with_interval(f"pass_at_{k}", found.estimate)
    source = {record.task_id: record.prompt for record in problems}
    result |= {
        "verdicts": dict(sorted(Counter(str(row["result"]).partition(":")[0] for row in rows).items())),
        "copied_share": mean_copied_share((source[str(row["task_id"])], str(row["completion"])) for row in rows),
        "clipped": sum(bool(row.get("clipped")) for row in rows),
        "tier": next((str(row["tier"]) for row in rows if row.get("tier")), ""),
        "sampling": {key: getattr(settings, key) for key in (SAMPLING_KEYS if generated else ("timeout",))},
    }
    return result | ({"by_depth": by_depth} if (by_depth := _by_depth(problems, counts, solved)) else {})


def _by_depth(problems: Sequence[CodeRecord], counts: Sequence[int], solved: Sequence[int]) -> list[dict[str, Any]]:
    """pass@1 for each depth that is known."""
    rows = []
    for depth in sorted({record.depth for record in problems if record.depth}):
        chosen = [number for number, record in enumerate(problems) if record.depth == depth]
        found = pass_at_k([counts[n] for n in chosen], [solved[n] for n in chosen], 1, random=stream(0, "pass at k", "depth", depth))
        if found.estimate is not None:
            rows.append({"depth": depth, "count": len(chosen), **with_interval("pass_at_1", found.estimate)})
    return rows


def likelihood_result(bits: np.ndarray, problems: Sequence[CodeRecord]) -> dict[str, Any]:
    """Bits per byte of the canonical solutions: all bits over all bytes, with an interval over problems."""
    sizes = [len(record.canonical_solution.encode("utf-8", errors="replace")) for record in problems]
    estimate = ratio_of_sums(bits.tolist(), sizes, random=stream(0, "bits per byte"))
    return {} if estimate is None else with_interval("bits_per_byte", estimate)


def with_interval(name: str, estimate: Estimate) -> dict[str, Any]:
    """A value and, where it has one, its interval, as JSON has them."""
    interval = {} if estimate.low is None else {f"{name}_interval": [estimate.low, estimate.high]}
    return {name: estimate.value, **interval}


def declared(measures: Sequence[Measure], settings: Evaluation) -> tuple[Measure, ...]:
    """A task's measures with the further pass@k that the settings ask for."""
    names = {measure.name for measure in measures}
    return (*measures, *(measure for measure in pass_at(settings.ks) if measure.name not in names))
