"""Runs that do not count, each with its reason, and the one paragraph about all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

State = Literal["superseded", "duplicate", "failed", "interrupted", "running", "unreadable", "not verified"]

_KINDS: dict[State, tuple[str, str]] = {
    "superseded": (
        "completed run of another configuration under the name of an arm that counts",
        "completed runs of other configurations under the names of arms that count",
    ),
    "duplicate": ("repetition of a run that counts", "repetitions of runs that count"),
    "failed": ("failed run", "failed runs"),
    "interrupted": ("interrupted run", "interrupted runs"),
    "running": ("unfinished run, still running", "unfinished runs, still running"),
    "unreadable": ("run that cannot be read", "runs that cannot be read"),
    "not verified": ("run whose record contradicts itself", "runs whose records contradict themselves"),
}


@dataclass(frozen=True)
class ListedRun:
    """A run that does not count.

    Attributes:
        name: its folder under the output root.
        reason: why, in words.
        replaced: whether another launch of the same labels counts.
        arm: as readers see it; empty where it is not known.
        configuration: hash of its configuration; empty where it is not known.
    """

    name: str
    state: State
    reason: str
    replaced: bool = False
    arm: str = ""
    configuration: str = ""


def left_out_sentence(listed: Sequence[ListedRun], *, counted: int) -> str:
    """What a reader must know before any number: how many launches do not count, and why; empty where all do."""
    if not listed:
        return ""
    counts: dict[State, int] = {state: sum(item.state == state for item in listed) for state in _KINDS}
    kinds = [f"{number} {_KINDS[state][number > 1]}" for state, number in counts.items() if number]
    told = kinds[0] if len(kinds) == 1 else f"{', '.join(kinds[:-1])} and {kinds[-1]}"
    total = len(listed) + counted
    return f"Left out: {len(listed)} of {total} {'launch' if total == 1 else 'launches'}, namely {told}."
