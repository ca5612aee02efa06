"""pass@1 by depth, the number of operations that a program composes: the estimates and their table."""

from collections.abc import Mapping
from typing import Any

from hrmlab.reporting import text
from hrmlab.reporting.collect.records import number
from hrmlab.reporting.collect.study import TaskRuns
from hrmlab.reporting.compare import scores
from hrmlab.reporting.tables.evaluation_sets import EMPTY, problems, results_by_set, share_cell
from hrmlab.reporting.tables.main import Table
from hrmlab.statistics.intervals import Estimate


def depth_results(task: TaskRuns) -> dict[str, dict[str, dict[int, list[dict[str, Any]]]]]:
    """set -> arm -> depth -> the results of its runs at that depth; sets without depths are left out."""
    found: dict[str, dict[str, dict[int, list[dict[str, Any]]]]] = {}
    for name, by_arm in results_by_set(task).items():
        for arm, results in by_arm.items():
            for result in results:
                for row in _depth_rows(result):
                    by_depth = found.setdefault(name, {}).setdefault(arm, {})
                    by_depth.setdefault(int(row["depth"]), []).append({**row, "sampling": result.get("sampling")})
    return found


def _depth_rows(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = result.get("by_depth")
    rows = rows if isinstance(rows, list) else []
    return [row for row in rows if isinstance(row, dict) and None not in (number(row.get("depth")), number(row.get("pass_at_1")))]


def depth_estimates(task: TaskRuns) -> dict[str, dict[str, dict[int, Estimate]]]:
    """set -> arm -> depth -> pass@1 with its interval."""
    return {
        name: {
            arm: {depth: estimate for depth, rows in sorted(depths.items()) if (estimate := scores.measured(rows, "pass_at_1"))}
            for arm, depths in by_arm.items()
        }
        for name, by_arm in depth_results(task).items()
    }


def depth_table(task: TaskRuns) -> Table | None:
    """Test sets and arms x depths; None where no depths were recorded."""
    found = depth_results(task)
    depths = sorted({depth for by_arm in found.values() for by_depth in by_arm.values() for depth in by_depth})
    if not depths:
        return None
    rows = []
    for name, by_arm in found.items():
        for arm, by_depth in by_arm.items():
            rows.append(
                (name, task.name(arm), *(share_cell(by_depth[depth], "pass_at_1") if depth in by_depth else EMPTY for depth in depths))
            )
        counts = {depth: problems([row for by_depth in by_arm.values() for row in by_depth.get(depth, [])]) for depth in depths}
        rows.append((name, "problems", *(EMPTY if count is None else text.count(count) for count in counts.values())))
    return Table(("Test set", "Arm", *(f"Depth {depth}" for depth in depths)), tuple(rows), labels=2)
