"""What the JSON files of a run must look like for a report to read them: whatever has another shape is left out and named.

A run directory may have been edited, cut short or written by another version; none of this may end a report in a traceback.
"""

import math
from collections.abc import Mapping
from typing import Any

ANY = "any"
"""A shape that everything has."""

_RESULT = {
    "*": ANY,
    "by_rating": [{"*": ANY}],
    "by_depth": [{"*": ANY}],
    "verdicts": {"*": float},
    "sampling": {"*": ANY, "stop": [ANY]},
    "note": str,
}
SHAPES: dict[str, Any] = {
    "summary.json": {
        "*": ANY,
        "test": _RESULT,
        "validation": _RESULT,
        "other_tests": {"*": _RESULT},
        "training": {"*": ANY},
        "checkpoint": {"*": ANY},
        "words": {"*": str},
        "measures": [{"*": ANY, "name": str, "wording": str, "meaning": str, "unit": str}],
        "score": str,
        "test_name": str,
        "stages": [{"*": ANY, "tests": {"*": {"*": ANY}}, "held_out": {"*": {"*": ANY}}}],
    },
    "budget.json": {"*": ANY, "solved": {"*": ANY}},
    "data.json": {
        "*": ANY,
        "splits": {"*": {"*": ANY}},
        "overlap": {"*": float},
        "chance": {"*": float},
        "trivial": [{"*": ANY, "name": str, "meaning": str}],
        "shared_on_purpose": str,
        "class_rule": str,
        "order_hash": str,
        "attention": str,
    },
    "provenance.json": {"*": ANY, "gpus": [ANY], "packages": {"*": ANY}},
    "audit.json": {
        "*": ANY,
        "causality": {"*": ANY, "leaks": [{"*": ANY}]},
        "contamination": {"*": ANY, "findings": [ANY], "sets": {"*": {"*": ANY, "hits": {"*": float}, "examples": [{"*": ANY}]}}},
        "sandbox": str,
    },
}
"""A dictionary is a JSON object with the shape of each key (``*``: of all others), a list one of things of that shape."""


def fitting(value: Any, shape: Any, place: str, problems: list[str]) -> Any:
    """The value without what has another shape; null and numbers that are not finite count as not recorded.

    Args:
        place: what the value is called in a sentence, such as ``summary.json: test``.
        problems: a sentence is added for each thing left out.
    """
    if isinstance(value, float) and not math.isfinite(value):
        problems.append(f"{place} is not a finite number")
        return None
    if value is None:
        return None
    if shape is ANY:
        return _finite(value)
    if isinstance(shape, Mapping) and isinstance(value, dict):
        kept = {key: fitting(item, shape.get(key, shape.get("*", ANY)), f"{place} {key}", problems) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item is not None}
    if isinstance(shape, list) and isinstance(value, list):
        kept_items = [fitting(item, shape[0], f"{place} {number}", problems) for number, item in enumerate(value)]
        return [item for item in kept_items if item is not None]
    if shape is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    if shape is str and isinstance(value, str):
        return value
    wanted = {float: "a number", str: "a text"}.get(shape) if isinstance(shape, type) else None
    problems.append(f"{place} is not {wanted or ('a list' if isinstance(shape, list) else 'an object')} and was left out")
    return None


def _finite(value: Any) -> Any:
    """The value with null for every number that is not finite, at any depth."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
