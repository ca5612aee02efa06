"""Copies a report into Weights & Biases: its tables, its figures and one row per run. The report on disk stays the record."""

import io
import os
from pathlib import Path
from typing import Any, Literal

from hrmlab.core.errors import UserError
from hrmlab.reporting.layout import Table
from hrmlab.reporting.page.card_table import fairness_table
from hrmlab.reporting.page.rows import result_row
from hrmlab.reporting.report import Report
from hrmlab.reporting.tables.comparisons import comparison_table
from hrmlab.reporting.tables.depths import depth_table
from hrmlab.reporting.tables.evaluation_sets import set_tables
from hrmlab.reporting.tables.main import main_table

Mode = Literal["offline", "online", "disabled"]


def mirror_report(
    report: Report, *, folder: str | Path, project: str = "hrmlab", entity: str | None = None, mode: Mode | None = None
) -> str:
    """Log a report as one W&B run and return the folder of its local files (empty with mode disabled).

    Args:
        report: from :func:`hrmlab.reporting.report.make_report`.
        folder: where W&B keeps its local files, under ``wandb/``.
        mode: None takes the environment's WANDB_MODE, and offline where that is not set.

    Raises:
        UserError: wandb is not installed, or refuses.
    """
    try:
        import wandb
    except ModuleNotFoundError:
        raise UserError("wandb=true needs the package 'wandb', which is not installed; run: pip install wandb") from None
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    study = report.study
    try:
        run = wandb.init(
            project=project,
            entity=entity,
            dir=str(folder),
            mode=mode or _environment_mode(),
            name=f"report {study.name}",
            group=study.name,
            job_type="report",
            config={"study": study.name, "baseline": study.baseline, "arms": list(study.arms)},
            settings=wandb.Settings(silent=True, console="off", disable_git=True, disable_code=True),
        )
    except wandb.Error as error:
        raise UserError(f"wandb=true was refused by W&B: {error}; set WANDB_MODE=offline to keep the files here") from None
    with run:
        tables = {
            "main": main_table(study, report.comparisons),
            "comparisons": comparison_table(report.comparisons),
            "fairness": fairness_table(report.card),
            **{f"test_sets/{sets.label}": sets.table for sets in set_tables(study)},
            **{f"depth/{task.label}": table for task in study.tasks if (table := depth_table(task))},
        }
        for name, table in tables.items():
            run.log({name: _to_wandb(wandb, table)})
        rows = [result_row(counted) for counted in study.runs]
        columns: list[Any] = list(dict.fromkeys(column for row in rows for column in row))
        run.log(
            {"runs": wandb.Table(columns=columns, data=[[row.get(column) for column in columns] for row in rows], allow_mixed_types=True)}
        )
        for picture in report.pictures:
            run.log({f"figures/{picture.stem}": wandb.Image(_decoded(picture.png), caption=picture.caption)})
        run.summary["verdict"] = " ".join([report.verdict.summary, *report.verdict.details])
        for comparison in report.comparisons:
            if comparison.estimate is not None:
                prefix = f"{comparison.task}/{comparison.arm}-{comparison.opponent}"
                run.summary[f"{prefix}/score"] = comparison.score
                run.summary[f"{prefix}/difference"] = comparison.estimate.value
                run.summary[f"{prefix}/finding"] = comparison.finding
                run.summary[f"{prefix}/p_corrected"] = comparison.corrected
        local = run.dir
    return "" if not local or not Path(local).exists() else str(Path(local).parent)


def _environment_mode() -> Any:
    return os.environ.get("WANDB_MODE") or "offline"


def _to_wandb(wandb: Any, table: Table) -> Any:
    return wandb.Table(columns=list(table.columns), data=[[value.replace("<br>", " ") for value in row] for row in table.rows])


def _decoded(png: bytes) -> Any:
    """(height, width, 4) uint8 pixels of a PNG."""
    from matplotlib.image import imread

    return (imread(io.BytesIO(png), format="png") * 255).astype("uint8")
