"""What a sweep will take, as a table: shown before it starts."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from hrmlab.config.composition import Composer
from hrmlab.core.quantities import duration, operations
from hrmlab.sweeping.estimate import estimate
from hrmlab.sweeping.jobs import Job


def tell_estimate(composing: Composer, jobs: Sequence[Job], console: Console, *, limit: int | None = None) -> None:
    """Measure a few steps of each arm and say what the whole takes.

    Args:
        composing: that composed the jobs.
        jobs: those to be trained, at least one.
        console: where it is said.
        limit: most jobs at once; None for as many as the cores hold.

    Raises:
        UserError: a job cannot be trained, as the sweep would say.
    """

    def told(job: Job) -> None:
        console.print(f"measuring a few steps of {job.labels.arm} on {job.labels.task}", markup=False, highlight=False)

    found = estimate(composing, jobs, told=told, limit=limit)
    sizes = len({size for _, _, size in found.by_arm}) > 1
    columns = ["task", "arm", *(["size"] if sizes else []), "parameters", "floating-point operations", "time"]
    table = Table(box=None, padding=(0, 2), title="One run of each arm", title_justify="left")
    for column in columns:
        table.add_column(column, justify="left" if column in ("task", "arm", "size") else "right")
    for (task, arm, size), cost in found.by_arm.items():
        labels = (task, arm, *([size] if sizes else []))
        table.add_row(*labels, f"{cost.parameters:,}", f"{cost.flops:.2e}", f"about {duration(cost.seconds)}")
    console.print(table)
    things = "run" if found.runs == 1 else "runs"
    at_once = f", {found.at_once} at a time" if found.at_once > 1 else ""
    console.print(
        f"{found.runs} {things}{at_once}: {operations(found.flops)}, about {duration(found.seconds)} on this machine",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
