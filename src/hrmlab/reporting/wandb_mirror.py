"""Copies a written report into one Weights & Biases run: its numbers as tables, its figures, and the whole folder as an artifact.

It reads what stands on disk (runs.json, figures/), so it holds what the report holds. The report on disk stays the record.
"""

import hashlib
import io
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from hrmlab.core.errors import UserError
from hrmlab.reporting.page.rows import result_row
from hrmlab.reporting.report import Report

Mode = Literal["offline", "online", "disabled"]

_WHOLE_RUNS = "counted"
"""Of runs.json: the records of the runs, which the table of results has in a flat form."""


def mirror_report(
    report: Report, *, folder: str | Path, project: str = "hrmlab", entity: str | None = None, mode: Mode | None = None
) -> str:
    """Log a report as the one summary run of its study and return the folder of its local files (empty with mode disabled).

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
    folder, written = Path(folder), report.path.parent
    folder.mkdir(parents=True, exist_ok=True)
    study = report.study
    name = summary_name(written.name)
    try:
        run = wandb.init(
            project=project,
            entity=entity,
            dir=str(folder),
            mode=mode or _environment_mode(),
            id=name,
            resume="allow",
            name=f"report {written.name}",
            group=study.name,
            job_type="report",
            config={"study": study.name, "baseline": study.baseline, "arms": list(study.arms)},
            settings=wandb.Settings(silent=True, console="off", disable_git=True, disable_code=True),
        )
    except wandb.Error as error:
        raise UserError(f"wandb=true was refused by W&B: {error}; set WANDB_MODE=offline to keep the files here") from None
    content = json.loads((written / "runs.json").read_text(encoding="utf-8"))
    with run:
        tables = {"results": [result_row(counted) for counted in study.runs], **tables_of(content)}
        logged: dict[str, Any] = {key: _to_wandb(wandb, rows) for key, rows in tables.items()}
        captions = {picture.stem: picture.caption for picture in report.pictures}
        for path in sorted((written / "figures").glob("*.png")):
            logged[f"figures/{path.stem}"] = wandb.Image(_decoded(path.read_bytes()), caption=captions.get(path.stem))
        run.log(logged)
        run.summary.update({"verdict": " ".join([report.verdict.summary, *report.verdict.details]), **summary_of(tables["comparisons"])})
        artifact = wandb.Artifact(name, type="report", description=f"The report of study {study.name}, as hrm-report wrote it")
        for path in sorted(path for path in written.rglob("*") if path.is_file() and not path.name.startswith(".")):
            artifact.add_file(str(path), name=path.relative_to(written).as_posix())
        run.log_artifact(artifact)
        local = run.dir
    return "" if not local or not Path(local).exists() else str(Path(local).parent)


def summary_name(name: str) -> str:
    """What W&B calls the summary run of a report, and its artifact: the same every time."""
    plain = re.sub(r"[^A-Za-z0-9_.-]", "-", name)
    return f"report-{plain}" if plain == name else f"report-{plain}-{hashlib.blake2b(name.encode(), digest_size=4).hexdigest()}"


def tables_of(content: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Every list of things in runs.json as flat rows, numbers as numbers: comparisons, fairness card, runs that do not count ..."""
    found = {"comparisons": [_flat(row) for row in content.get("comparisons") or ()]}
    for key, value in content.items():
        if isinstance(value, list) and key != _WHOLE_RUNS and value and all(isinstance(row, Mapping) for row in value):
            found[key] = [_flat(row) for row in value]
    return found


def summary_of(comparisons: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Numbers and findings of the comparisons by ``<task>/<arm>-<opponent>/<name>``."""
    found: dict[str, Any] = {}
    for row in comparisons:
        place = f"{row.get('task')}/{row.get('arm')}-{row.get('opponent')}"
        found.update({f"{place}/{key}": value for key, value in row.items() if key == "finding" or _is_number(value)})
    return found


def _flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values as ``over_seeds/estimate/value``; lists, which no cell holds, are left out but for lists of plain values, as text."""
    row: dict[str, Any] = {}
    for key, item in value.items():
        if isinstance(item, Mapping):
            row.update(_flat(item, f"{prefix}{key}/"))
        elif isinstance(item, list):
            if not any(isinstance(each, (list, Mapping)) for each in item):
                row[f"{prefix}{key}"] = ", ".join(map(str, item))
        else:
            row[f"{prefix}{key}"] = item
    return row


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _environment_mode() -> Any:
    return os.environ.get("WANDB_MODE") or "offline"


def _to_wandb(wandb: Any, rows: Sequence[Mapping[str, Any]]) -> Any:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    return wandb.Table(columns=columns, data=[[row.get(column) for column in columns] for row in rows], allow_mixed_types=True)


def _decoded(png: bytes) -> Any:
    """(height, width, 4) uint8 pixels of a PNG."""
    from matplotlib.image import imread

    return (imread(io.BytesIO(png), format="png") * 255).astype("uint8")
