"""Reads a data set from the Hugging Face hub, or from a local folder laid out like one, through the ``datasets`` library.

With HF_HUB_OFFLINE=1 in the environment, copies that were downloaded before are used without asking the hub.
"""

import sys
from pathlib import Path
from typing import Any

from hrmlab.core.errors import MissingExtra, UserError
from hrmlab.data.json_lines import Row
from hrmlab.data.reading import Table, make_table

PATIENCE_SECONDS = 10
"""How long the hub may take to answer before it counts as out of reach."""

SPLITS = {"train": ("train",), "validation": ("validation", "valid", "val"), "test": ("test",)}
"""The hub's split names that serve as each of ours."""


def read_hub(name: str) -> dict[str, Table]:
    """The tables of a data set of puzzles by split; ``train`` is always among them.

    Raises:
        UserError: the data set cannot be had, or lacks the split train or the columns question and answer.
        MissingExtra: ``datasets`` is not installed.
    """
    remedy = "download its CSV files and use data.source=file data.path=<file>, or use data.source=generated (other puzzles)"
    loaded = _splits(name, field="data.hub_name", purpose="data.source=hub", remedy=remedy)
    tables = {}
    for split, names in SPLITS.items():
        found = next((candidate for candidate in names if candidate in loaded), None)
        if found:
            tables[split] = _table(f"data.hub_name={name}, split {found}", loaded[found])
    if "train" not in tables:
        raise UserError(f"data.hub_name={name} has no split 'train' (it has: {', '.join(loaded)}); use its files with data.source=file")
    return tables


def read_hub_rows(name: str) -> list[Row]:
    """The rows of all splits of a set of problems, in the order of its splits.

    Raises:
        UserError: the set cannot be had, or has no rows.
        MissingExtra: ``datasets`` is not installed.
    """
    loaded = _splits(name, field="hub_name", purpose=f"hub_name={name}", remedy="download its file and give it as path")
    values = [dict(value) for split in loaded.values() for value in split]
    if not values:
        raise UserError(f"hub_name={name} has no rows; choose another data set")
    return [Row(f"hub_name={name}", number, value) for number, value in enumerate(values, start=1)]


def _splits(name: str, *, field: str, purpose: str, remedy: str) -> dict[str, Any]:
    """The rows of each split of a data set."""
    try:
        import datasets
    except ImportError as error:
        raise MissingExtra("datasets", extra="hub", purpose=purpose) from error
    if not sys.stderr.isatty():
        datasets.disable_progress_bars()
    try:
        return dict(_load(name))
    except Exception as error:  # the library raises its own, its HTTP client's and its readers' errors
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise UserError(
            f"{field}={name} could not be loaded from the Hugging Face hub ({type(error).__name__}: {reason}); {remedy}; "
            "set HF_HUB_OFFLINE=1 to use a copy downloaded before"
        ) from error


def _load(name: str) -> Any:
    """The data set's splits. CSV columns are read as text, because a grid of digits is no number."""
    import datasets
    import huggingface_hub

    if not (Path(name).exists() or huggingface_hub.constants.HF_HUB_OFFLINE):
        huggingface_hub.HfApi().dataset_info(name, timeout=PATIENCE_SECONDS)  # fails at once where the library would retry for long
    builder = datasets.load_dataset_builder(name)
    if hasattr(builder.config, "converters"):
        builder = datasets.load_dataset_builder(name, converters={"question": str, "answer": str})
    builder.download_and_prepare()
    return builder.as_dataset()


def _table(where: str, rows: Any) -> Table:
    for column in ("question", "answer"):
        if column not in rows.column_names:
            raise UserError(
                f"{where} has no column '{column}' (it has: {', '.join(rows.column_names)}); choose a data set of puzzles in that form"
            )
    questions, answers = list(rows["question"]), list(rows["answer"])
    for column, texts in (("question", questions), ("answer", answers)):
        for row, text in enumerate(texts):
            if not isinstance(text, str):
                raise UserError(
                    f"{where}, row {row + 1} (counted from 1): the {column} is of type {type(text).__name__} instead of text; "
                    "give empty cells as '.' or use data.source=file"
                )
    count = len(questions)
    if not count:
        raise UserError(f"{where} has no rows; choose another data set")
    return make_table(
        where=where,
        questions=questions,
        answers=answers,
        ratings=list(rows["rating"]) if "rating" in rows.column_names else None,
        sources=[value or "" for value in rows["source"]] if "source" in rows.column_names else ["hub"] * count,
        weights=list(rows["weight"]) if "weight" in rows.column_names else None,
    )
