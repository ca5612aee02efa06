"""A table before it has a form: the templates, results.csv and W&B each give it theirs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Column headings and rows of short texts (inline Markdown); the first ``labels`` columns are text, the others are numbers."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    labels: int = 1
