"""Per-example outcomes as a table, and measures by difficulty."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from hrmlab.data.example_set import ExampleSet
from hrmlab.data.task import Task

_QUANTILES = 4


def example_table(columns: Mapping[str, np.ndarray], examples: ExampleSet, task: Task) -> pd.DataFrame:
    """The rows of predictions.parquet: one per example of the split, in its order."""
    rows = columns["index"]
    per_example = {name: values for name, values in columns.items() if values.ndim == 1 and name not in ("index", "confidence")}
    return pd.DataFrame(
        {
            "index": rows,
            "input": [task.to_text(examples.inputs[row]) for row in rows],
            "answer": [task.answer_text(examples.inputs[row], examples.labels[row]) for row in rows],
            "rating": examples.ratings[rows],
            "source": [str(name) for name in examples.sources[rows]],
            **per_example,
            "prediction": [
                task.to_text(task.completed(examples.inputs[row], answer)) for row, answer in zip(rows, columns["answer"], strict=True)
            ],
            "exact_by_segment": list(columns["exact_by_segment"]),
        }
    )


def values_by_rating(table: pd.DataFrame, measures: Mapping[str, str]) -> list[dict[str, Any]]:
    """Means in up to four groups of equal size by rating, easiest first; empty where ratings are unknown or all equal.

    Args:
        measures: name of each mean and the column that it is of.
    """
    rating = np.asarray(table["rating"], dtype=np.float64)
    rated = ~np.isnan(rating)
    if len(np.unique(rating[rated])) < 2:
        return []
    edges = np.unique(np.quantile(rating[rated], np.linspace(0, 1, _QUANTILES + 1)))
    groups = np.clip(np.searchsorted(edges, rating, side="left"), 1, len(edges) - 1)
    rows = []
    for number in np.unique(groups[rated]):
        chosen = rated & (groups == number)
        limits = {"low": float(rating[chosen].min()), "high": float(rating[chosen].max()), "count": int(chosen.sum())}
        means = {name: float(np.asarray(table[column], dtype=np.float64)[chosen].mean()) for name, column in measures.items()}
        rows.append({**limits, **means})
    return rows
