"""The measure that counts by depth, the number of operations that an answer composes."""

from collections.abc import Mapping
from typing import Any

from hrmlab.core.measures import Measure
from hrmlab.reporting.collect.records import number
from hrmlab.reporting.collect.study import TaskRuns
from hrmlab.reporting.compare import scores
from hrmlab.reporting.compare.pairing import examples_behind
from hrmlab.reporting.compare.test_sets import results_by_set
from hrmlab.statistics.intervals import Estimate


def depth_results(task: TaskRuns) -> dict[str, dict[str, dict[int, list[dict[str, Any]]]]]:
    """set -> arm -> depth -> the results of its runs at that depth; sets without depths are left out."""
    found: dict[str, dict[str, dict[int, list[dict[str, Any]]]]] = {}
    for name, by_arm in results_by_set(task).items():
        for arm, results in by_arm.items():
            for result in results:
                for row in _depth_rows(result, task.measure):
                    by_depth = found.setdefault(name, {}).setdefault(arm, {})
                    by_depth.setdefault(int(row["depth"]), []).append({**row, "sampling": result.get("sampling")})
    return found


def _depth_rows(result: Mapping[str, Any], measure: Measure) -> list[dict[str, Any]]:
    rows = result.get("by_depth") or []
    return [row for row in rows if None not in (number(row.get("depth")), number(row.get(measure.name)))]


def depth_estimates(task: TaskRuns) -> dict[str, dict[str, dict[int, Estimate]]]:
    """set -> arm -> depth -> the measure that counts, with its interval."""
    return {
        name: {
            arm: {depth: estimate for depth, rows in sorted(depths.items()) if (estimate := _estimate(task, name, arm, rows))}
            for arm, depths in by_arm.items()
        }
        for name, by_arm in depth_results(task).items()
    }


def _estimate(task: TaskRuns, name: str, arm: str, rows: list[dict[str, Any]]) -> Estimate | None:
    """Of one depth; where that is the whole set the set's own, so that one number does not have two intervals."""
    whole = [number(row.get("count")) for row in rows] == [examples_behind(result) for result in results_by_set(task)[name][arm]]
    return scores.on_set(task, name, arm, rows, task.measure) if whole else scores.measured(rows, task.measure)
