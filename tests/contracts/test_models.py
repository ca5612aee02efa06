"""Every model file, in every attention mode and with every option, keeps the reasoner contract."""

import typing
from collections.abc import Mapping
from typing import Any

import arm_contract as contract
import pytest
import torch

from hrmlab.budget import solver
from hrmlab.budget.count import Flops
from hrmlab.budget.solver import Match, build_reasoner
from hrmlab.config.location import choices
from hrmlab.core.components import locate
from hrmlab.core.errors import UserError
from hrmlab.core.task import AttentionKind, TaskSpec
from hrmlab.models.reasoner import Reasoner
from hrmlab.models.sizing import Width

CASES = [
    pytest.param(model, attention, options, id=f"{model.__name__}-{attention}-{options or 'defaults'}")
    for model in contract.model_classes()
    for attention in model.attention_kinds
    for options in contract.option_variants(model)
]
CAUSAL = [case for case in CASES if case.values[1] == "causal"]
every_case = pytest.mark.parametrize(("model", "attention", "options"), CASES)


def test_arms_are_found_and_each_has_a_file_in_conf() -> None:
    found = contract.model_classes()
    assert len(found) >= 3
    assert len(choices("model")) >= len(found)


@every_case
def test_shapes_and_determinism(model: type[Reasoner], attention: AttentionKind, options: dict[str, Any]) -> None:
    contract.check_shapes_and_determinism(model, attention, options)


@every_case
def test_a_restarted_slot_is_fresh_and_the_others_are_untouched(
    model: type[Reasoner], attention: AttentionKind, options: dict[str, Any]
) -> None:
    contract.check_restart(model, attention, options)


@pytest.mark.parametrize(("model", "attention"), [(model, kind) for model in contract.model_classes() for kind in model.attention_kinds])
def test_fewer_cycles_are_less_thought(model: type[Reasoner], attention: AttentionKind) -> None:
    contract.check_cycles(model, attention)


@every_case
def test_gradient_reaches_every_parameter_and_the_answer_depends_on_every_state(
    model: type[Reasoner], attention: AttentionKind, options: dict[str, Any]
) -> None:
    contract.check_gradients(model, attention, options)


@every_case
def test_parts_are_all_of_it_and_can_have_learning_rates(model: type[Reasoner], attention: AttentionKind, options: dict[str, Any]) -> None:
    contract.check_parts(model, attention, options)


@every_case
def test_the_last_state_of_a_segment_reads_as_its_prediction(
    model: type[Reasoner], attention: AttentionKind, options: dict[str, Any]
) -> None:
    contract.check_reading(model, attention, options)


@every_case
def test_causal_attention_hides_the_future_and_full_attention_does_not(
    model: type[Reasoner], attention: AttentionKind, options: dict[str, Any]
) -> None:
    contract.check_causality(model, attention, options)


@pytest.mark.parametrize(("model", "attention"), [(model, kind) for model in contract.model_classes() for kind in model.attention_kinds])
def test_refilled_slots_answer_as_a_fixed_batch_does(model: type[Reasoner], attention: AttentionKind) -> None:
    contract.check_refilling(model, attention)


@pytest.mark.parametrize(("model", "attention", "options"), CAUSAL)
def test_remembering_writes_what_rereading_writes(model: type[Reasoner], attention: AttentionKind, options: dict[str, Any]) -> None:
    contract.check_generation(model, options)


@pytest.fixture
def uncounted_flops(monkeypatch: pytest.MonkeyPatch) -> None:
    """Operations are not counted, which takes a second or more."""
    monkeypatch.setattr(solver, "count_flops", lambda reasoner: Flops(1, 1, 1))
    monkeypatch.setattr(solver, "_counted", {})


def assert_lands(size: Mapping[str, Any], model: Mapping[str, Any], task: TaskSpec, match: Match) -> None:
    with torch.device("meta"):
        reasoner, budget = build_reasoner(model=model, task=task, size=size, match=match, seed=0)
    counted = budget.parameters if match == "parameters" else budget.non_embedding_parameters
    target = size["parameters"]
    assert abs(counted / target - 1) <= 0.01
    assert budget.gap == pytest.approx(counted / target - 1)
    for item in reasoner.solves:
        if isinstance(item, Width):
            assert budget.solved[item.argument] % (item.step if isinstance(item.step, int) else size[item.step]) == 0


@pytest.mark.parametrize("model", choices("model"))
@pytest.mark.parametrize(
    ("size", "vocabulary", "length"),
    [("tiny", 11, 81), *(pytest.param(*of, marks=pytest.mark.slow) for of in (("small", 6, 900), ("medium", 300, 256), ("paper", 11, 81)))],
)
def test_every_arm_lands_within_one_percent_of_every_budget(
    model: str, size: str, vocabulary: int, length: int, compose_config: Any, uncounted_flops: None
) -> None:
    config = compose_config(f"model={model}", f"size={size}", tiny=False)
    kinds = locate(config["model"]["_target_"]).attention_kinds  # at which neither count looks
    matches: tuple[tuple[AttentionKind, Match], ...] = ((kinds[0], "parameters"), (kinds[-1], "non_embedding"))
    for attention, match in matches:
        task = TaskSpec(name="test", sequence_length=length, vocabulary_size=vocabulary, attention=attention)
        assert_lands(config["size"], config["model"], task, match)


@pytest.mark.parametrize("attention", typing.get_args(AttentionKind))
@pytest.mark.parametrize("model", choices("model"))
def test_every_arm_is_built_small_and_its_operations_are_counted_or_it_says_what_it_cannot_attend_to(
    model: str, attention: AttentionKind, compose_config: Any
) -> None:
    config = compose_config(f"model={model}", "size=nano", tiny=False)
    task = TaskSpec(name="test", sequence_length=16, vocabulary_size=6, attention=attention)
    if attention not in locate(config["model"]["_target_"]).attention_kinds:
        with pytest.raises(UserError, match=f"model={model} supports full attention only"):
            build_reasoner(model=config["model"], task=task, size=config["size"], match="parameters", seed=0)
        return
    assert_lands(config["size"], config["model"], task, "parameters")


@pytest.mark.parametrize(
    ("preset", "width", "heads", "blocks", "segments"),
    [("micro", 256, 4, 2, 4), ("small", 512, 8, 6, 8), ("base", 768, 12, 8, 10), ("large", 1024, 16, 12, 12), ("xlarge", 1536, 24, 16, 16)],
)
def test_the_sizes_of_the_keras_port_are_sizes_here(
    preset: str, width: int, heads: int, blocks: int, segments: int, compose_config: Any, uncounted_flops: None
) -> None:
    config = compose_config("model=hrm", f"size=keras_{preset}", f"regime=keras_{preset}", tiny=False)
    task = TaskSpec(name="test", sequence_length=81, vocabulary_size=11, attention="full")
    with torch.device("meta"):
        reasoner, budget = build_reasoner(model=config["model"], task=task, size=config["size"], match="parameters", seed=0)
    assert (budget.solved["hidden_size"], budget.solved["num_heads"]) == (width, heads)
    assert (config["model"]["h_layers"], config["model"]["l_layers"], reasoner.max_segments) == (blocks, blocks, segments)
    assert abs(budget.gap) <= 0.01
