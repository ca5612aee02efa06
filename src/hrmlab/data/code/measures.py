"""What code is scored by, and what its things are called."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from hrmlab.core.measures import Measure, Words

WORDS = Words(example="problem", token="token", answer="solution", rating="depth", drawn="row")

EXACT_UNDER_GIVEN_TOKENS = Measure(
    name="exact_accuracy",
    wording="exact accuracy under given tokens",
    meaning="every token of the canonical solution right, each given the true tokens before it",
    counts=True,
    column="exact",
    halting=True,
)
"""Counts where nothing is run: problems without tests, or a model that cannot write token by token."""

TOKEN_ACCURACY = Measure(name="cell_accuracy", wording="token accuracy", meaning="next token right, given the true prefix", halting=True)

BITS_PER_BYTE = Measure(
    name="bits_per_byte",
    wording="bits per byte",
    meaning="how many bits the canonical solutions take for each of their bytes, given the problem",
    unit="bits per byte",
    larger_is_better=False,
)


ROW_TOKEN_ACCURACY = Measure(
    name="row_token_accuracy",
    wording="next-token accuracy",
    meaning="the share of a problem's asked tokens that are right, each given the true tokens before it, averaged over problems",
    counts=True,
    column="row_token_accuracy",
    halting=True,
)
"""What counts with ``counts=token_accuracy``: says how well text is guessed, not whether a program works."""


def pass_at(ks: Iterable[int]) -> tuple[Measure, ...]:
    """pass@k for each k (Chen et al. 2021); pass@1, the first completion of a problem, is what counts."""
    return tuple(
        Measure(
            name=f"pass_at_{k}",
            wording=f"pass@{k}",
            meaning="the share of completions that pass all of their problem's tests, averaged over problems"
            if k == 1
            else f"the chance that one of {k} completions passes all of its problem's tests, averaged over problems",
            counts=k == 1,
            column="passed" if k == 1 else None,
        )
        for k in ks
    )


def code_measures(*, runs: bool, counts: Literal["pass_at_1", "token_accuracy"] | None = None) -> tuple[Measure, ...]:
    """The measures of a code task, the one that counts first.

    Args:
        runs: whether what a model writes is run: the problems have tests, and attention is causal.
        counts: which it is; None: pass@1 where programs are run, otherwise whole solutions under given tokens.
    """
    written = pass_at([1]) if runs else ()
    if counts != "token_accuracy":
        return (*written, EXACT_UNDER_GIVEN_TOKENS, TOKEN_ACCURACY, BITS_PER_BYTE)
    others = (*written, EXACT_UNDER_GIVEN_TOKENS)
    return (ROW_TOKEN_ACCURACY, *(replace(measure, counts=False) for measure in others), TOKEN_ACCURACY, BITS_PER_BYTE)
