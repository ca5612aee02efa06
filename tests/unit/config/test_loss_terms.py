"""What training.loss_terms may say."""

from typing import Any

import pytest

from hrmlab.config.composition import composer
from hrmlab.config.loss_terms import BUILT_IN, check_terms, chosen_terms, targets_of
from hrmlab.core.components import locate
from hrmlab.core.errors import UserError


def test_built_in_terms_are_there() -> None:
    for name, target in BUILT_IN.items():
        assert locate(target).__module__.endswith(name)


def test_a_number_is_a_weight_and_a_mapping_says_more() -> None:
    checked = check_terms({"segment_cost": 1, "state_diversity": {"weight": 0.1}, "segment_consistency": None})
    assert checked == {"segment_cost": 1.0, "state_diversity": {"weight": 0.1, "between": "levels"}, "segment_consistency": None}
    assert check_terms(checked) == checked
    assert list(chosen_terms(checked)) == [
        ("segment_cost", 1.0, BUILT_IN["segment_cost"], {}),
        ("state_diversity", 0.1, BUILT_IN["state_diversity"], {"between": "levels"}),
    ]


def test_a_built_in_class_may_stand_under_another_name() -> None:
    target = BUILT_IN["state_diversity"]
    checked = check_terms({"spread": {"_target_": target, "weight": 0.1, "between": "positions"}})
    assert list(chosen_terms(checked)) == [("spread", 0.1, target, {"between": "positions"})]
    assert targets_of({"loss_terms": checked}) == [target]
    assert targets_of({"steps": 1}) == targets_of(None) == []


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"segment_cots": 0.1}, "training.loss_terms.segment_cots is no loss that is built in; did you mean segment_cost?"),
        (
            {"xyz": 0.1},
            "training.loss_terms.xyz is no loss that is built in; built in are segment_consistency, segment_cost, state_diversity;",
        ),
        ({"segment_cost": -1.0}, "training.loss_terms.segment_cost=-1.0 is negative; give 0 or a number above"),
        ({"segment_cost": True}, "training.loss_terms.segment_cost=true is not a number"),
        (
            {"segment_cost": {}},
            "training.loss_terms.segment_cost.weight is missing; give it with training.loss_terms.segment_cost.weight=<value>",
        ),
        ({"state_diversity": {"weight": 1, "betwen": "levels"}}, "did you mean training.loss_terms.state_diversity.between?"),
        (
            {"state_diversity": {"weight": 1, "between": "rows"}},
            "training.loss_terms.state_diversity.between=rows is not one of levels, positions",
        ),
        (
            {"mine": {"_target_": "no_such_module.Term", "weight": 1}},
            "training.loss_terms.mine._target_=no_such_module.Term cannot be found",
        ),
        ({"q_halt": {"_target_": "hrmlab.x.Y", "weight": 1}}, "training.loss_terms.q_halt: no loss can be named q_halt"),
        ({"a/b": 1}, "training.loss_terms.a/b: no loss can be named a/b"),
    ],
)
def test_mistakes_are_answered_in_a_sentence(terms: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError) as caught:
        check_terms(terms)
    assert words in str(caught.value)


def test_they_are_asked_for_on_the_command_line_and_per_arm() -> None:
    with composer() as composing:
        alone = composing.compose(
            ["training.loss_terms.segment_cost=0.01", "training.loss_terms.state_diversity={weight:0.1,between:positions}"]
        )
        assert alone.config.training.loss_terms == {"segment_cost": 0.01, "state_diversity": {"weight": 0.1, "between": "positions"}}
        of_an_arm = [
            composing.compose([f"model={arm}", "per_arm.hrm.training.loss_terms.segment_cost=0.01"]) for arm in ("hrm", "transformer")
        ]
        assert [one.config.training.loss_terms for one in of_an_arm] == [{"segment_cost": 0.01}, {}]
        with pytest.raises(UserError, match="did you mean segment_cost"):
            composing.compose(["training.loss_terms.segment_cst=0.01"])
