"""What a run is called: its labels and the short hash of its resolved configuration."""

import copy
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from hrmlab.core.errors import UserError
from hrmlab.core.later_keys import without_neutral
from hrmlab.core.report_keys import REPORT_KEYS

_NAME = re.compile(r"[A-Za-z0-9_+][A-Za-z0-9_.,=+-]*")
_IRRELEVANT = (
    ("output_root",),
    ("resume",),
    ("logger",),
    ("trainer", "progress_bar"),
    ("trainer", "threads"),
    ("python_path",),
    ("tuning",),
    *((key,) for key in REPORT_KEYS),
)


@dataclass(frozen=True)
class RunLabels:
    """The folder names above a run directory.

    Raises:
        UserError: a label is not usable as one folder name.
    """

    study: str
    task: str
    arm: str
    size: str
    seed: int

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "seed":
                if not isinstance(value, int) or isinstance(value, bool):
                    raise UserError(f"seed={value!r} is not an integer")
            elif not isinstance(value, str) or not _NAME.fullmatch(value):
                raise UserError(f"{field.name}={value!r} cannot name a folder; use letters, digits and _ . , = + - (not first: . , = -)")


def display_name(name: str) -> str:
    """A label as a person reads it: ``hrm,learning_rate=0.001`` is ``hrm learning_rate=0.001``."""
    return name.replace(",", " ")


def config_hash(config: Mapping[str, Any]) -> str:
    """8 hexadecimal digits of a resolved configuration.

    What cannot change the outcome is left out: where outputs go, the run being resumed, the logger, the progress bar,
    the threads, the folder of the user's own classes, how tuned values were found, and what is said to the report alone;
    also a key that is younger than the first runs, while it holds the value that changes nothing.
    """
    relevant = copy.deepcopy(without_neutral(config))
    for *parents, key in _IRRELEVANT:
        section: Any = relevant
        for parent in parents:
            section = section.get(parent) if isinstance(section, dict) else None
        if isinstance(section, dict):
            section.pop(key, None)
    text = json.dumps(relevant, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.blake2b(text.encode("utf-8"), digest_size=4).hexdigest()
