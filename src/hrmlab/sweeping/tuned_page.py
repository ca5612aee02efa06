"""tuned.md: what a search tried and chose, as tables that a forge shows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hrmlab.core.errors import UserError
from hrmlab.runs.files import write_text

_NOT_TRIALS = {"state", "score", "steps", "reason", "validation"}


def write_page(content: Mapping[str, Any], path: Path, *, question: str = "") -> None:
    """Write the tables of what tuned.yaml holds: for each experiment and measure arms x values tried, the chosen one bold.

    Raises:
        UserError: the folder cannot be written.
    """
    how = f"sampler {content['sampler']}, seeds {', '.join(map(str, content['seeds']))}"
    lines = [f"# Tuning `{content['study']}`", "", *([f"**Question.** {question}", ""] if question else [])]
    lines += [f"Every arm has {content['trials']} trials on every task ({how}).", ""]
    lines += [f"Chosen (bold) is {content['selection']}. The test split has no part in it.", ""]
    for name, block in content["experiments"].items():
        lines += [f"## {block['task']} (`{name}`)", ""]
        shown: dict[tuple[str, ...], list[str]] = {}
        for measure in _measures(block):
            shown.setdefault(tuple(_table(block, measure)), []).append(measure.replace("_", " "))
        for table, measures in shown.items():  # measures that are equal everywhere share a table
            lines += [f"Validation {' and '.join(measures)}:", "", *table, ""]
        lines += _edges(block)
    try:
        write_text(path, "\n".join(lines).rstrip() + "\n")
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror}); choose another folder with --reports DIR") from None


def _measures(block: Mapping[str, Any]) -> list[str]:
    """Of all trials, the one that counts first."""
    found = {block["measure"]: None} if block["measure"] else {}
    for told in block["arms"].values():
        for row in told["trials"]:
            found |= dict.fromkeys(row.get("validation") or {})
    return list(found)


def _table(block: Mapping[str, Any], measure: str) -> list[str]:
    """Arms x points; where arms have points of their own (random search), a row lists them."""
    points = {arm: [_point(row) for row in told["trials"]] for arm, told in block["arms"].items()}
    columns = list(dict.fromkeys(point for each in points.values() for point in each))
    lines = [f"| Arm | {' | '.join(columns)} |", f"|:---|{'---:|' * len(columns)}"]
    for arm, told in block["arms"].items():
        chosen = _point(told.get("chosen") or {})
        cells = {point: _cell(row, measure, point == chosen) for point, row in zip(points[arm], told["trials"], strict=True)}
        lines.append(f"| `{arm}` | {' | '.join(cells.get(column, '–') for column in columns)} |")
    return lines


def _point(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{key.rpartition('.')[2]} {value}" for key, value in row.items() if key not in _NOT_TRIALS)


def _cell(row: Mapping[str, Any], measure: str, is_chosen: bool) -> str:
    value = (row.get("validation") or {}).get(measure)
    if not isinstance(value, (int, float)):
        return str(row.get("state", "–"))
    shown = f"{value:.3f}" if abs(value) < 10 else f"{value:.4g}"
    return f"**{shown}**" if is_chosen else shown


def _edges(block: Mapping[str, Any]) -> list[str]:
    found = [f"`{arm}`" for arm, told in block["arms"].items() if told.get("at_the_edge")]
    return [f"At the edge of what was tried, so that a better value may lie outside: {', '.join(found)}.", ""] if found else []
