"""What a person sees of a sweep: live rows on a terminal, plain lines elsewhere, a table at the end."""

import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table

from hrmlab.core.errors import UserError
from hrmlab.core.quantities import duration, operations, remaining
from hrmlab.runs.directory import RunDirectory
from hrmlab.sweeping.work import Work, last_lines

_TAIL = 4096
_REFRESH = 0.5
_LINE_SECONDS, _LINE_JOBS = 60.0, 4
"""Where no terminal is: how often a line says how far the sweep is, and of how many jobs."""
_EXACT = "exact accuracy"
_SAID = 120
"""Characters of what a job says that has no figures yet."""


class Display:
    """Follows a sweep on standard output."""

    def __init__(self, works: Sequence[Work]) -> None:
        self.works = works
        self.console = Console() if sys.stdout.isatty() else Console(width=200, no_color=True, highlight=False)
        self._live: Live | None = Live(console=self.console, transient=True, auto_refresh=False) if sys.stdout.isatty() else None
        self._drawn = 0.0 if self._live is not None else time.monotonic()

    def watching(self) -> AbstractContextManager[object]:
        """Keep the live rows on the screen inside."""
        return self._live if self._live is not None else nullcontext()

    def line(self, text: str) -> None:
        """One line that stays."""
        self.console.print(text, markup=False, soft_wrap=True)
        sys.stdout.flush()

    def changed(self, work: Work) -> None:
        """A job has started or ended."""
        left = sum(other.state in ("waiting", "queued", "under way") for other in self.works)
        position = f"[{len(self.works) - left}/{len(self.works)}]"
        if work.state == "queued":
            self.line(f"{position} {work.job.name} queued ({work.place}; log {work.job.log_file})")
        elif work.state == "under way":
            verb = {"resume": "resumed", "retry": "started again"}.get(work.action, "started")
            why = f"; {work.run.doubt}, so it does not count" if work.run is not None and work.run.doubt else ""
            told = f"{work.place}; log {work.job.log_file}{why}"
            self.line(f"{position} {work.job.name} {verb} ({told})")
        else:
            ending = ", ".join(part for part in (_accuracy_text(work), _cost_text([work])) if part) or work.message
            self.line(f"{position} {work.job.name} {work.state} after {duration(work.seconds)}{f': {ending}' if ending else ''}")

    def tick(self) -> None:
        """Redraw the live rows, if it is time; elsewhere a line now and then for each job that is under way."""
        if time.monotonic() - self._drawn < (_LINE_SECONDS if self._live is None else _REFRESH):
            return
        self._drawn = time.monotonic()
        under_way = [work for work in self.works if work.state == "under way"]
        if self._live is None:
            told = [f"{work.job.name} {_progress(work)}".replace("  ", ", ") for work in under_way[:_LINE_JOBS]]
            self.line("; ".join([self._counts("under way"), *told, *(["..."] if len(under_way) > _LINE_JOBS else [])]))
            return
        table = Table.grid(padding=(0, 2))
        for work in under_way:
            table.add_row(work.job.name, duration(work.seconds), _progress(work))
        table.add_row(self._counts())
        self._live.update(table, refresh=True)

    def _counts(self, *more: str) -> str:
        """How many jobs are in which state."""
        states = (*more, "completed", "skipped", "failed", "interrupted", "queued", "waiting")
        counts = {state: sum(work.state == state for work in self.works) for state in states}
        return ", ".join(f"{count} {state}" for state, count in counts.items() if count)

    def summary(self) -> None:
        """The table at the end."""
        table = Table(title=f"{len(self.works)} jobs", title_justify="left")
        for column in ("arm", "task", "size"):
            table.add_column(column, no_wrap=True)
        table.add_column("seed", justify="right")
        table.add_column("state", no_wrap=True)
        named = {_score(work.run)[0] for work in self.works if work.run is not None and work.state == "completed"} or {_EXACT}
        table.add_column("test " + " or ".join(sorted(named)), justify="right")
        table.add_column("wall time", justify="right", no_wrap=True)
        table.add_column("run directory, or log of a failed job", overflow="fold")
        for work in self.works:
            labels = work.job.labels
            summary = _summary(work.run)
            accuracy = _score(work.run)[1]
            seconds = (summary.get("training") or {}).get("wall_seconds", work.seconds or None)
            table.add_row(
                labels.arm,
                labels.task,
                labels.size,
                str(labels.seed),
                work.state,
                "" if accuracy is None else f"{accuracy:.4f}",
                "" if seconds is None else duration(seconds),
                _where(work),
            )
        self.console.print(table)
        if cost := _cost_text(self.works):
            self.line(f"cost of the runs that are completed: {cost}")
        for work in self.works:
            if work.message and work.state in ("failed", "interrupted", "skipped", "queued"):
                self.line(f"{work.job.name}: {work.message}")


def _where(work: Work) -> str:
    if work.state == "failed" and work.job.log_file.exists():
        return str(work.job.log_file)
    return str(work.run.path) if work.run is not None else ""


def _summary(run: RunDirectory | None) -> dict:
    if run is None or run.state != "completed":
        return {}
    try:
        return run.read_json("summary.json") or {}
    except UserError:  # a damaged record of one run ends no sweep; the report names it
        return {}


def _score(run: RunDirectory | None) -> tuple[str, float | None]:
    """Name and value of the test score that counts; no value of a run that is not completed."""
    summary = _summary(run)
    metric = summary.get("score", "exact_accuracy")
    name = metric.replace("pass_at_", "pass@") if metric.startswith("pass_at_") else _EXACT
    return name, (summary.get("test") or {}).get(metric)


def _accuracy_text(work: Work) -> str:
    name, accuracy = _score(work.run)
    return "" if accuracy is None else f"test {name} {accuracy:.4f}"


def _cost_text(works: Sequence[Work]) -> str:
    """What training took, of the works that have it on record."""
    efforts = [_summary(work.run).get("training") or {} for work in works if work.state == "completed"]
    flops = sum(effort.get("flops") or 0 for effort in efforts)
    seconds = sum(effort.get("cpu_seconds") or 0 for effort in efforts)
    return ", ".join([*([operations(flops)] if flops else []), *([f"{duration(seconds)} of processor time"] if seconds else [])])


def _progress(work: Work) -> str:
    """Step, time left and last accuracies, read from the end of metrics.csv."""
    launches = [work.run] if work.run is not None else work.job.runs()[-1:]
    rows = _last_rows(launches[0].metrics_file) if launches else []
    steps = work.job.config.training.steps
    said = [line for line in last_lines(work, 1) if not line.startswith("run directory:")]
    parts = [f"step {rows[-1][0]}/{steps}"] if rows else [": ".join(["preparing", *(line[:_SAID] for line in said)])]
    if rows and (left := remaining(float(rows[-1][0]), steps, float(rows[-1][1]))):
        parts.append(left)
    for metric, label in (("train/loss", "loss"), ("val/exact_accuracy", "validation exact accuracy")):
        values = [value for _, _, name, value in rows if name == metric]
        parts += [f"{label} {float(values[-1]):.3f}"] if values else []
    return "  ".join(parts)


def _last_rows(file: Path) -> list[tuple[str, str, str, str]]:
    """Step, seconds, metric and value."""
    try:
        with file.open("rb") as handle:
            handle.seek(max(0, handle.seek(0, 2) - _TAIL))
            lines = handle.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return []
    rows = [line.split(",") for line in lines[1:]]
    return [(row[0], row[1], row[2], row[3]) for row in rows if len(row) == 4 and row[0].isdigit() and _is_number(row[1])]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
