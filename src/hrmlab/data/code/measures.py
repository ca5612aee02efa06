"""What code is scored by, and what its things are called."""

from collections.abc import Iterable

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


def code_measures(*, runs: bool) -> tuple[Measure, ...]:
    """The measures of a code task, the one that counts first.

    Args:
        runs: whether what a model writes is run: the problems have tests, and attention is causal.
    """
    return (*(pass_at([1]) if runs else ()), EXACT_UNDER_GIVEN_TOKENS, TOKEN_ACCURACY, BITS_PER_BYTE)
