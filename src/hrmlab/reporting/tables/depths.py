"""The measure that counts by depth, the number of operations that an answer composes."""

from hrmlab.reporting import text
from hrmlab.reporting.collect.study import TaskRuns
from hrmlab.reporting.compare.depths import depth_estimates, depth_results
from hrmlab.reporting.compare.test_sets import fewest_examples
from hrmlab.reporting.layout import Table
from hrmlab.reporting.tables.evaluation_sets import EMPTY, level_cell


def depth_table(task: TaskRuns) -> Table | None:
    """Test sets and arms x depths; None where no depths were recorded."""
    found, levels = depth_results(task), depth_estimates(task)
    depths = sorted({depth for by_arm in found.values() for by_depth in by_arm.values() for depth in by_depth})
    if not depths:
        return None
    rows = []
    for name, by_arm in found.items():
        for arm in by_arm:
            cells = [level_cell(levels[name][arm].get(depth), task.measure) for depth in depths]
            rows.append((name, task.name(arm), *cells))
        counts = {depth: fewest_examples([row for by_depth in by_arm.values() for row in by_depth.get(depth, [])]) for depth in depths}
        rows.append((name, f"{task.words.example}s", *(EMPTY if count is None else text.count(count) for count in counts.values())))
    return Table(("Test set", "Arm", *(f"Depth {depth}" for depth in depths)), tuple(rows), labels=2)
