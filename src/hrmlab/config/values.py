"""Checks one value against one type and says in a sentence what is wrong with it."""

import difflib
import math
import os
import re
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hrmlab.core.errors import UserError

_FOLDER_NAME = re.compile(r"[A-Za-z0-9_+][A-Za-z0-9_.,=+-]*")


@dataclass(frozen=True)
class AtLeast:
    """A whole number's smallest value."""

    minimum: int

    def complaint(self, value: Any) -> str | None:
        """What is wrong with the value and what to do; None when nothing is."""
        return None if value >= self.minimum else f"is below {self.minimum}; give an integer of at least {self.minimum}"


@dataclass(frozen=True)
class AtMost:
    """A whole number's largest value."""

    maximum: int

    def complaint(self, value: Any) -> str | None:
        """What is wrong with the value and what to do; None when nothing is."""
        return None if value <= self.maximum else f"is above {self.maximum:,}; give an integer of at most {self.maximum:,}"


@dataclass(frozen=True)
class Threads:
    """A number of CPU threads that the operating system can be asked for, also on a smaller machine than the one it was chosen on."""

    per_core: int = 16
    anywhere: int = 256

    def complaint(self, value: Any) -> str | None:
        """What is wrong with the value and what to do; None when nothing is."""
        cores = os.cpu_count() or 1
        most = max(self.anywhere, self.per_core * cores)
        return None if value <= most else f"is too many for the {cores} cores of this machine; give at most {most}, or null for the cores"


@dataclass(frozen=True)
class NotEmpty:
    """A list with something in it."""

    def complaint(self, value: Any) -> str | None:
        """What is wrong with the value and what to do; None when nothing is."""
        return None if value else "is empty; give at least one value"


@dataclass(frozen=True)
class Positive:
    """A number above zero."""

    def complaint(self, value: Any) -> str | None:
        """What is wrong with the value and what to do; None when nothing is."""
        return None if value > 0 and math.isfinite(value) else "is not a positive number; give one above 0, or null where that means off"


@dataclass(frozen=True)
class NotNegative:
    """Zero or a number above it."""

    def complaint(self, value: Any) -> str | None:
        """What is wrong with the value and what to do; None when nothing is."""
        return None if value >= 0 and math.isfinite(value) else "is negative; give 0 or a number above"


@dataclass(frozen=True)
class Share:
    """A part of one, and not nothing."""

    def complaint(self, value: Any) -> str | None:
        """What is wrong with the value and what to do; None when nothing is."""
        return None if 0 < value <= 1 else "is not above 0 and at most 1; give a share, for example 0.95"


@dataclass(frozen=True)
class ZeroToOne:
    """A probability."""

    def complaint(self, value: Any) -> str | None:
        """What is wrong with the value and what to do; None when nothing is."""
        return None if 0 <= value <= 1 else "is not between 0 and 1; give a probability, for example 0.1"


@dataclass(frozen=True)
class FromZeroBelow:
    """Zero or more, and below a limit."""

    limit: float

    def complaint(self, value: Any) -> str | None:
        """What is wrong with the value and what to do; None when nothing is."""
        return None if 0 <= value < self.limit else f"is not from 0 up to {self.limit:g}; give 0, or a number below {self.limit:g}"


@dataclass(frozen=True)
class Between:
    """A number strictly between two others."""

    low: float
    high: float

    def complaint(self, value: Any) -> str | None:
        """What is wrong with the value and what to do; None when nothing is."""
        if self.low < value < self.high:
            return None
        return f"is not between {self.low:g} and {self.high:g}; give a number above {self.low:g} and below {self.high:g}"


@dataclass(frozen=True)
class FolderName:
    """A text that names one folder."""

    def complaint(self, value: Any) -> str | None:
        """What is wrong with the value and what to do; None when nothing is."""
        if _FOLDER_NAME.fullmatch(value):
            return None
        return "cannot name a folder; use letters, digits and _ . , = + - (the first a letter, a digit, _ or +)"


SCHEDULES = ("constant", "linear", "cosine", "warmup_stable_decay")
"""Shapes of the learning rate after its rise."""


@dataclass(frozen=True)
class ScheduleName:
    """A shape of the learning rate, or the dotted path of the user's own."""

    def complaint(self, value: Any) -> str | None:
        """What is wrong with the value and what to do; None when nothing is."""
        if value in SCHEDULES or ("." in value and all(part.isidentifier() for part in value.split("."))):
            return None
        return f"is not one of {', '.join(SCHEDULES)}, nor a dotted path; give one of them{_hint(value, SCHEDULES)}"


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The word most like the given one; None when none is alike."""
    matches = difflib.get_close_matches(word.lower(), {candidate.lower(): candidate for candidate in words}, n=1, cutoff=0.6)
    return next((candidate for candidate in words if matches and candidate.lower() == matches[0]), None)


def show(value: Any) -> str:
    """A value as a person writes it in YAML or on the command line."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(show, value)) + "]"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{show(item)}" for key, item in value.items()) + "}"
    return str(value)


def conform(value: Any, annotation: Any, path: str) -> Any:
    """The value as its type wants it: whole numbers become floats and text where those are asked for; nothing else is converted.

    Raises:
        UserError: wrong type or out of bounds.
    """
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *constraints = get_args(annotation)
        value = conform(value, inner, path)
        for constraint in constraints:
            if complaint := constraint.complaint(value):
                raise UserError(f"{path}={show(value)} {complaint}")
        return value
    if origin in (Union, types.UnionType):
        return _conform_union(value, get_args(annotation), path)
    if origin is Literal:
        options = get_args(annotation)
        if any(value == option and type(value) is type(option) for option in options):
            return value
        raise UserError(f"{path}={show(value)} is not one of {', '.join(map(show, options))}{_hint(value, options)}")
    if annotation is dict and isinstance(value, Mapping):
        return dict(value)
    if origin is dict:
        if not isinstance(value, Mapping):
            raise UserError(f"{path}={show(value)} is not a mapping; write '{path}={{key:value}}', or {path}.<key>=<value>")
        return {str(key): conform(item, get_args(annotation)[1], f"{path}.{key}") for key, item in value.items()}
    if origin in (list, tuple) or annotation in (list, tuple):
        return _conform_sequence(value, annotation, path)
    return _conform_plain(value, annotation, path)


def _conform_plain(value: Any, annotation: Any, path: str) -> Any:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if annotation is type(None) and value is None:
        return None
    if annotation is bool and isinstance(value, bool):
        return value
    if annotation is int and whole:
        return value
    if annotation is float and (whole or isinstance(value, float)):
        if math.isnan(value):
            raise UserError(f"{path}=nan is not a number; give one")
        return float(value)
    if annotation is str and (whole or isinstance(value, str)):
        return str(value)
    remedy = ""
    if annotation is int and isinstance(value, float) and value.is_integer():
        remedy = f"; write {path}={int(value)}"
    elif annotation is str and isinstance(value, (bool, float)):
        remedy = f"; quote it: '{path}=\"{show(value)}\"'"
    elif annotation is bool:
        remedy = "; write true or false"
    elif value is None:
        remedy = "; give a value"
    raise UserError(f"{path}={show(value)} is not {describe(annotation)}{remedy}")


def _conform_union(value: Any, members: tuple[Any, ...], path: str) -> Any:
    if value is None and type(None) in members:
        return None
    members = tuple(member for member in members if member is not type(None))
    if len(members) == 1:
        return conform(value, members[0], path)
    for strict in (True, False):  # an exact match first: 3 stays an integer where int | str is asked for
        for member in members:
            try:
                converted = conform(value, member, path)
            except UserError:
                continue
            if not strict or type(converted) is type(value):
                return converted
    raise UserError(f"{path}={show(value)} is not {' or '.join(map(describe, members))}")


def _conform_sequence(value: Any, annotation: Any, path: str) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        raise UserError(f"{path}={show(value)} is not a list; write {path}=[{show(value)}]")
    members = get_args(annotation)
    if get_origin(annotation) is tuple and members and members[-1] is not Ellipsis:
        if len(value) != len(members):
            raise UserError(f"{path}={show(value)} has {len(value)} items; give {len(members)}")
        return [conform(item, member, f"{path}[{index}]") for index, (item, member) in enumerate(zip(value, members, strict=True))]
    return [conform(item, members[0], f"{path}[{index}]") for index, item in enumerate(value)] if members else list(value)


def describe(annotation: Any) -> str:
    """A type in a person's words, with its article."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return describe(get_args(annotation)[0])
    if origin is Literal:
        return "one of " + ", ".join(map(show, get_args(annotation)))
    if origin in (list, tuple) or annotation in (list, tuple):
        return "a list"
    if origin is dict:
        return "a mapping"
    return {int: "an integer", float: "a number", bool: "true or false", str: "text", dict: "a mapping", type(None): "null"}.get(
        annotation, str(annotation)
    )


def _hint(value: Any, options: Iterable[Any]) -> str:
    guess = nearest(value, [option for option in options if isinstance(option, str)]) if isinstance(value, str) else None
    return f"; did you mean {guess}?" if guess else ""
