"""What runs measured, as pandas tables."""

from pathlib import Path

import pandas as pd

from hrmlab.core.errors import UserError
from hrmlab.runs.directory import RunDirectory

_LABELS = ("study", "task", "arm", "size", "seed")


def metrics(folder: str | Path) -> pd.DataFrame:
    """Everything that the runs in a folder measured while they trained.

    One line for each value, so that any figure is one call of pandas: ``hrmlab.metrics("outputs/quick").pivot_table("value", "step",
    ["task", "arm", "metric"])``.

    Args:
        folder: a run directory, or any folder that holds some at whatever depth: a seed, an arm, a study, ``outputs``.

    Returns:
        columns study, task, arm, size, seed, run (the folder of the run), step (optimizer steps), seconds (of training), metric, value.

    Raises:
        UserError: no run there.
    """
    place = Path(folder)
    files = sorted(path for path in place.rglob("run.json") if not any(part.startswith(".") for part in path.relative_to(place).parts))
    if not files:
        raise UserError(f"{folder} holds no run directory; give one, or a folder above some, such as outputs/quick")
    parts = []
    for run in (RunDirectory.open(path.parent) for path in files):
        if not run.metrics_file.exists():
            continue
        measured = pd.read_csv(run.metrics_file, dtype={"step": "int64", "seconds": "float64", "metric": "str", "value": "float64"})
        about = {name: getattr(run.labels, name) for name in _LABELS} | {"run": str(run.path)}
        parts.append(pd.concat([pd.DataFrame(about, index=measured.index), measured], axis=1))
    if not parts:
        return pd.DataFrame(columns=[*_LABELS, "run", "step", "seconds", "metric", "value"])
    return pd.concat(parts, ignore_index=True)
