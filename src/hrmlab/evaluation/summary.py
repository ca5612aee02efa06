"""Per-example outcomes as a table, and accuracy by difficulty."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hrmlab.data.example_set import ExampleSet
from hrmlab.data.task import Task
from hrmlab.runs.files import replacing

_QUANTILES = 4


def example_table(columns: dict[str, np.ndarray], examples: ExampleSet, task: Task) -> pd.DataFrame:
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
    rating = np.asarray(table["rating"], dtype=np.float64)
    rated = ~np.isnan(rating)
    if len(np.unique(rating[rated])) < 2:
        return []
    edges = np.unique(np.quantile(rating[rated], np.linspace(0, 1, _QUANTILES + 1)))
    groups = np.clip(np.searchsorted(edges, rating, side="left"), 1, len(edges) - 1)
    exact, halting = np.asarray(table["exact"]), np.asarray(table["exact_halting"])
    rows = []
    for number in np.unique(groups[rated]):
        chosen = rated & (groups == number)
        rows.append(
            {
                "low": float(rating[chosen].min()),
                "high": float(rating[chosen].max()),
                "count": int(chosen.sum()),
                "exact_accuracy": float(exact[chosen].mean()),
                "halting/exact_accuracy": float(halting[chosen].mean()),
            }
        )
    return rows


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write Parquet so that the file is either whole or not there."""
    with replacing(path) as temporary:
        table.to_parquet(temporary, index=False)
