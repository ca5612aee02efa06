"""Training records without those that coincide with what is evaluated on."""

from collections.abc import Mapping, Sequence

from hrmlab.data.code.overlap import contamination
from hrmlab.data.code.problems.load import load_problems
from hrmlab.data.written.record import CodeRecord

VERSION = 1
"""Raise it whenever other records are left out, so that caches are made anew."""


def packaged_sets() -> dict[str, list[CodeRecord]]:
    """The problem sets that every installation has and may be evaluated on: HumanEval."""
    return {"humaneval": load_problems("humaneval")}


def without_coinciding(training: Sequence[CodeRecord], evaluation: Mapping[str, Sequence[CodeRecord]]) -> list[CodeRecord]:
    """The training records, in their order, less those that coincide with an evaluation problem.

    What coincides is what the contamination audit calls a leak: an equal text, an equal syntax tree, or 13 tokens of a solution in a row.
    """
    leaking = set(contamination(training, evaluation, examples=0).leaking)
    return [record for number, record in enumerate(training) if number not in leaking]
