"""The standard library's functions without those that HumanEval asks for, which is never trained on."""

from collections.abc import Sequence

from hrmlab.core.errors import UserError
from hrmlab.data.code.library.functions import python_functions
from hrmlab.data.code.overlap import contamination
from hrmlab.data.code.problems.load import load_problems
from hrmlab.data.written.record import CodeRecord

VERSION = 1
"""Raise it whenever other functions are left out, so that caches are made anew."""


def clean_functions(
    *, seed: int, count: int | None, max_bytes: int | None, split: str = "train", held_out: Sequence[CodeRecord] = ()
) -> list[CodeRecord]:
    """As :func:`hrmlab.data.code.python_functions.python_functions`, less what is evaluated on.

    Left out is every function that coincides with a HumanEval problem or with a held-out function.
    What coincides is what the contamination audit calls a leak: an equal text, an equal syntax tree, or 13 tokens of a solution in a row.

    Raises:
        UserError: fewer functions than ``count`` are left.
    """
    functions = python_functions(seed=seed, count=None, max_bytes=max_bytes, split=split)
    evaluation = {"humaneval": load_problems("humaneval"), "held_out": held_out}
    leaking = set(contamination(functions, evaluation, examples=0).leaking)
    kept = [record for number, record in enumerate(functions) if number not in leaking]
    if count is not None and len(kept) < count:
        raise UserError(
            f"{count} functions of the standard library were asked for (data.python_functions, or data.train_examples of "
            f"data=python_functions), and {len(kept)} are left at max_bytes={max_bytes}; ask for fewer, or for longer ones"
        )
    return kept[:count]
