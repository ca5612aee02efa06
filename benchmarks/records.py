"""Time to accuracy, as a speed run: processor minutes on one core until an arm is right on 95 % of its validation examples.

``python -m benchmarks.records [study=records_cpu] [page=docs/records.md]`` reads the archive of records in reports/STUDY and writes
the page with its figure. A record is what its runs say: seeds, curve, commit, command and processor stand in their directories.
"""

import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hrmlab.reporting.collect.gather import collect
from hrmlab.reporting.collect.records import RunRecord
from hrmlab.runs.archive import archive_of, read_archive

SHARE = 0.95
MARK = "<!-- written by make records from here on -->"
_CPU = "train/cpu_seconds"
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


@dataclass(frozen=True, kw_only=True)
class Climb:
    """How a run rose.

    Attributes:
        run: whose.
        minutes: (K,) processor minutes of training until each validation, compiling and earlier validations included.
        shares: (K,) what was right then, of the validation split.
    """

    run: RunRecord
    minutes: np.ndarray
    shares: np.ndarray

    @property
    def reached(self) -> tuple[float, int] | None:
        """Minutes and step of the first validation at :data:`SHARE` or above; None where there was none."""
        places = np.flatnonzero(self.shares >= SHARE)
        if not len(places):
            return None
        curve = self.run.curves[_name(self.run)]
        return float(self.minutes[places[0]]), int(curve.steps[places[0]])


def climb(run: RunRecord) -> Climb:
    """Processor time is logged with the training's own metrics, so that between two of those it is taken to pass evenly."""
    curve, clock = run.curves[_name(run)], run.curves[_CPU]
    return Climb(run=run, minutes=np.interp(curve.steps, clock.steps, clock.values) / 60, shares=curve.values)


def table(climbs: Sequence[Climb]) -> str:
    """A row for each task and arm, the fastest first, as Markdown."""
    rows = []
    for task, arm in dict.fromkeys((item.run.labels.task, item.run.labels.arm) for item in climbs):
        runs = [item for item in climbs if (item.run.labels.task, item.run.labels.arm) == (task, arm)]
        reached = [item.reached for item in runs]
        minutes = [found[0] for found in reached if found is not None]
        first = runs[0].run
        tested = [value for item in runs if (value := item.run.test(first.measure.name)) is not None]
        mean = float(np.mean(minutes)) if len(minutes) == len(runs) else None
        rows.append(
            (
                task,
                np.inf if mean is None else mean,
                (
                    f"`{task}`",
                    f"`{first.arm}`",
                    f"{first.budget.get('parameters', 0):,}",
                    f"not by {sum(found is None for found in reached)} of {len(runs)} seeds" if mean is None else f"**{mean:.1f}**",
                    ", ".join("never" if found is None else f"{found[0]:.1f} (step {found[1]:,})" for found in reached),
                    ", ".join(f"{100 * value:.1f} %" for value in tested),
                    str(first.provenance.get("git_commit", ""))[:10],
                    str(first.provenance.get("cpu", "")),
                ),
            )
        )
    columns = ("task", "arm", "parameters", "minutes, mean", "of each seed", "test, each seed, at the end", "commit", "processor")
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join([*lines, *("| " + " | ".join(cells) + " |" for _, _, cells in sorted(rows, key=lambda row: row[:2]))])


def figure(climbs: Sequence[Climb]) -> bytes:
    """Validation accuracy over processor minutes, a panel for each task and a line for each run, as PNG."""
    tasks = list(dict.fromkeys(item.run.labels.task for item in climbs))
    arms = list(dict.fromkeys(item.run.labels.arm for item in climbs))
    drawing = Figure(figsize=(4.6 * len(tasks), 3.4), layout="constrained")
    FigureCanvasAgg(drawing)
    for panel, task in zip(drawing.subplots(1, len(tasks), sharey=True, squeeze=False)[0], tasks, strict=True):
        for item in climbs:
            if item.run.labels.task == task:
                colour = _COLOURS[arms.index(item.run.labels.arm) % len(_COLOURS)]
                panel.plot(item.minutes, 100 * item.shares, lw=1.2, color=colour, label=item.run.arm)
        panel.axhline(100 * SHARE, lw=0.8, ls="--", color="#888888")
        panel.set_title(task, loc="left")
        panel.set_xlabel("processor minutes, one core")
        panel.set_xlim(left=0)
        panel.set_ylim(0, 101)
        panel.spines[["top", "right"]].set_visible(False)
        handles, names = panel.get_legend_handles_labels()
        once = dict(zip(names, handles, strict=True))
        panel.legend(once.values(), once.keys(), frameon=False, loc="lower right")
    drawing.axes[0].set_ylabel("right on validation (%)")
    buffer = io.BytesIO()
    drawing.savefig(buffer, dpi=130, format="png", metadata={"Software": None})
    return buffer.getvalue()


def main(arguments: Sequence[str]) -> int:
    options: dict[str, str] = {}
    for word in arguments:
        key, _, options[key] = word.partition("=")
    study, page = options.get("study", "records_cpu"), Path(options.get("page", "docs/records.md"))
    archive = read_archive(archive_of("reports", study))
    if archive is None:
        print(f"reports/{study} has no archive of records; run hrm-sweep sweeps={study} --records", file=sys.stderr)
        return 2
    climbs = [climb(run) for run in collect(study=study, output_root=options.get("output_root", "outputs"), archives=[archive]).runs]
    text = page.read_text(encoding="utf-8")
    before, mark, _ = text.partition(MARK)
    if not mark:
        print(f"{page} has no line {MARK!r}, below which the records are written", file=sys.stderr)
        return 2
    picture = page.parent / "figures" / f"{study}.png"
    picture.write_bytes(figure(climbs))
    shown = f"![Validation accuracy over processor minutes, each seed a line](figures/{picture.name})"
    page.write_text(f"{before}{MARK}\n\n{table(climbs)}\n\n{shown}\n", encoding="utf-8")
    print(f"{page}: {len(climbs)} runs")
    return 0


def _name(run: RunRecord) -> str:
    return f"val/{run.measure.name}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
