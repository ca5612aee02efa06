"""The words that the data support, and nothing beyond."""

from pathlib import Path

import pytest

from hrmlab.reporting.collect.gather import collect
from hrmlab.reporting.compare.comparisons import Comparison, compare
from hrmlab.reporting.compare.verdict import _sentence, verdict
from hrmlab.statistics.intervals import Estimate
from run_factory import make_run


def comparison(**changes: object) -> Comparison:
    values: dict[str, object] = {
        "task": "maze",
        "arm": "hrm",
        "opponent": "transformer",
        "levels": (0.3, 0.6),
        "estimate": Estimate(value=-0.3, low=-0.5, high=-0.1, count=3, basis="seeds and examples"),
        "p_value": 0.01,
        "corrected": 0.02,
        "equivalent": 0.9,
        "detectable": 0.12,
        "seeds": (3, 3),
    }
    return Comparison(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "worse"),
        ({"estimate": Estimate(value=0.3, low=0.1, high=0.5, count=3)}, "better"),
        ({"corrected": 0.06}, "inconclusive: this study can see 12 points"),
        ({"corrected": 0.5, "equivalent": 0.01}, "no difference larger than 5 points"),
        ({"corrected": 0.5, "equivalent": 0.01, "margin": 0.025}, "no difference larger than 2.5 points"),
        ({"levels": (0.0, 0.01)}, "not a test: nobody solves anything"),
        ({"levels": (0.99, 1.0)}, "not a test: everybody solves everything"),
        ({"grouped": ("hrm",), "corrected": None}, "seeds fall into two groups (`hrm`)"),
        ({"asked": False}, "exploratory, no claim"),
        ({"seeds": (1, 3)}, "no verdict"),
        ({"leaking": ("hrm",)}, "LEAKS"),
    ],
)
def test_findings(changes: dict[str, object], words: str) -> None:
    assert comparison(**changes).words == words


def test_an_unproven_loss_is_said_to_be_inconclusive() -> None:
    said = _sentence(comparison(corrected=0.06), "**maze**")
    assert said.startswith("**maze**: `hrm` against `transformer`: inconclusive: this study can see 12 points (difference −30.0 points")
    assert not any(word in said for word in ("leads", "trails", "beats", "loses"))


def arms(root: Path, levels: dict[str, list[float]], **config: object) -> None:
    for arm, by_seed in levels.items():
        for seed, level in enumerate(by_seed):
            make_run(root, arm=arm, seed=seed, accuracy=level, config=config)


def test_seeds_in_two_groups_get_no_interval_and_take_no_part(tmp_path: Path) -> None:
    arms(tmp_path, {"hrm": [0.05, 0.9, 0.92], "transformer": [0.5, 0.52, 0.54]})
    (found,) = compare(collect(study="quick", output_root=tmp_path))
    assert found.finding == "two groups"
    assert (found.corrected, found.p_value) == (None, None)
    assert found.estimate is not None
    assert found.estimate.low is None


def test_the_family_is_what_the_study_asks(tmp_path: Path) -> None:
    levels = {"hrm": [0.8, 0.81], "transformer": [0.5, 0.52], "deep_supervision_transformer": [0.6, 0.62]}
    arms(tmp_path, levels, asks=["hrm-transformer"], margin=2.5)
    study = collect(study="quick", output_root=tmp_path)
    found = {(item.arm, item.opponent): item for item in compare(study)}
    assert {pair for pair, item in found.items() if item.asked} == {("hrm", "transformer")}
    assert found["hrm", "transformer"].corrected == found["hrm", "transformer"].p_value
    assert found["hrm", "transformer"].margin == 0.025
    assert {item.finding for pair, item in found.items() if pair != ("hrm", "transformer")} == {"exploratory"}
    assert len(verdict(study, compare(study)).details) == 1


def test_asking_about_an_arm_that_is_not_there_is_said(tmp_path: Path) -> None:
    arms(tmp_path, {"hrm": [0.8], "transformer": [0.5]}, asks=["hrm-gru"], margin=5.0)
    study = collect(study="quick", output_root=tmp_path)
    assert any("asks about `hrm-gru`" in gap for gap in study.gaps)


def test_seeds_are_paired_only_where_both_arms_drew_the_same(tmp_path: Path) -> None:
    """Transformer and HRM come differently far in one order; two arms without halting draw alike."""
    arms(tmp_path, {"hrm": [0.8, 0.81, 0.83], "hrm_two": [0.7, 0.71, 0.74], "transformer": [0.5, 0.52, 0.54]})
    found = {(item.arm, item.opponent): item for item in compare(collect(study="quick", output_root=tmp_path, baseline="hrm_two"))}
    assert found["hrm", "hrm_two"].pairing == "seeds and examples"
    assert found["transformer", "hrm_two"].pairing == "examples"
    assert found["hrm", "hrm_two"].correlation == pytest.approx(0.99, abs=0.05)
