"""The words for a difference that the correction does not carry."""

import pytest

from hrmlab.reporting.compare.comparisons import Comparison
from hrmlab.reporting.compare.verdict import _leaning, _sentence
from hrmlab.statistics.paired import paired_difference


def comparison(differences: list[float], corrected: float) -> Comparison:
    arm, baseline = {seed: 0.5 + value for seed, value in enumerate(differences)}, dict.fromkeys(range(len(differences)), 0.5)
    return Comparison(
        task="maze",
        arm="hrm",
        opponent="transformer",
        accuracies=(0.5 + sum(differences) / len(differences), 0.5),
        over_seeds=paired_difference(arm, baseline),
        over_examples=None,
        per_seed={},
        p_value=corrected / 2,
        corrected=corrected,
    )


@pytest.mark.parametrize(
    ("differences", "corrected", "leaning"),
    [
        ([-0.30, -0.32, -0.34], 0.06, "trails"),
        ([0.30, 0.32, 0.34], 0.06, "leads"),
        ([-0.30, 0.10, -0.34], 0.40, "cannot tell"),
        ([-0.30, -0.32, -0.34], 0.01, "worse"),
        ([0.30, 0.32, 0.34], 0.01, "better"),
    ],
)
def test_leaning(differences: list[float], corrected: float, leaning: str) -> None:
    assert _leaning(comparison(differences, corrected)) == leaning


def test_an_unproven_loss_is_said_to_be_both() -> None:
    said = _sentence(comparison([-0.30, -0.32, -0.34], 0.06), "**maze**")
    assert "`hrm` trails `transformer` by 32.0 points" in said
    assert "no claim" in said
