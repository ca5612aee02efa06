"""Per-example outcomes as a table, and accuracy by difficulty."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hrmlab.data.puzzle_set import PuzzleSet
from hrmlab.data.task import PuzzleTask

_QUANTILES = 4


def example_table(columns: dict[str, np.ndarray], examples: PuzzleSet, task: PuzzleTask) -> pd.DataFrame:
    """The rows of predictions.parquet: one per example of the split, in its order."""
    rows = columns["index"]
    per_example = {name: values for name, values in columns.items() if values.ndim == 1 and name != "index"}
    return pd.DataFrame(
        {
            "index": rows,
            "input": [task.to_text(examples.inputs[row]) for row in rows],
            "rating": examples.ratings[rows],
            "source": [str(name) for name in examples.sources[rows]],
            **per_example,
            "prediction": [task.to_text(answer) for answer in columns["answer"]],
            "exact_by_segment": list(columns["exact_by_segment"]),
        }
    )


def accuracy_by_rating(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Exact accuracy in up to four groups of equal size by rating, easiest first; empty where ratings are unknown or all equal."""
    rated = table.dropna(subset=["rating"])
    if rated.empty or rated["rating"].nunique() < 2:
        return []
    groups = pd.qcut(rated["rating"], _QUANTILES, duplicates="drop")
    return [
        {
            "low": float(group["rating"].min()),
            "high": float(group["rating"].max()),
            "count": len(group),
            "exact_accuracy": float(group["exact"].mean()),
            "halting/exact_accuracy": float(group["exact_halting"].mean()),
        }
        for _, group in rated.groupby(groups, observed=True)
    ]


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write Parquet so that the file is either whole or not there."""
    temporary = path.with_name(f".{path.name}.writing")
    table.to_parquet(temporary, index=False)
    temporary.replace(path)
