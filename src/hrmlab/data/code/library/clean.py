"""The standard library's functions without those that are evaluated on."""

from collections.abc import Sequence

from hrmlab.core.errors import UserError
from hrmlab.data.code.coinciding import packaged_sets, without_coinciding
from hrmlab.data.code.library.functions import python_functions
from hrmlab.data.written.record import CodeRecord


def clean_functions(
    *, seed: int, count: int | None, max_bytes: int | None, split: str = "train", held_out: Sequence[CodeRecord] = ()
) -> list[CodeRecord]:
    """As :func:`hrmlab.data.code.library.functions.python_functions`, less what coincides with a HumanEval problem or a held-out function.

    Raises:
        UserError: fewer functions than ``count`` are left.
    """
    functions = python_functions(seed=seed, count=None, max_bytes=max_bytes, split=split)
    kept = without_coinciding(functions, {**packaged_sets(), "held_out": held_out})
    if count is not None and len(kept) < count:
        raise UserError(
            f"{count} functions of the standard library were asked for (data.python_functions, or data.train_examples of "
            f"data=python_functions), and {len(kept)} are left at max_bytes={max_bytes}; ask for fewer, or for longer ones"
        )
    return kept[:count]
