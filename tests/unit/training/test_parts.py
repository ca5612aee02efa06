"""Learning rates of single parts: which parameters they reach, in every optimizer, and that nothing else changes."""

import copy
import inspect
import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hrmlab.core.components import call
from hrmlab.core.errors import UserError
from hrmlab.core.task import AttentionKind, TaskSpec
from hrmlab.models.enhanced_hrm import EnhancedHRM
from hrmlab.models.hrm import HRM
from hrmlab.models.planner_executor import PlannerExecutor
from hrmlab.models.reasoner import Reasoner
from hrmlab.models.transformer import Transformer
from hrmlab.training.optimizers import OptimizerBundle, SparseSignDescent, adam_atan2, adamw, muon
from hrmlab.training.parts import PartOptions, grouped, named_parts

FACTORIES: dict[str, Any] = {"adamw": adamw, "adam_atan2": adam_atan2, "muon": muon}
RATES = {"H": 1e-4, "L": 3e-4, "embeddings": 1e-3, "heads": 2e-4}


def made(kind: type[Reasoner] = HRM, *, attention: AttentionKind = "full", **options: Any) -> Reasoner:
    torch.manual_seed(0)
    task = TaskSpec(name="test", sequence_length=4, vocabulary_size=5, puzzle_ids=6, attention=attention)
    layers = {name: 1 for name in inspect.signature(kind).parameters if name.endswith("layers")}
    return call(kind, **{"task": task, "hidden_size": 16, "num_heads": 2, "mlp_width": 8, **layers, **options})


def names(reasoner: Reasoner, parameters: list[nn.Parameter]) -> set[str]:
    known = {id(parameter): name for name, parameter in reasoner.named_parameters()}
    return {known[id(parameter)] for parameter in parameters}


def rates(reasoner: Reasoner, bundle: OptimizerBundle) -> dict[str, float]:
    """Name of each parameter -> the rate of the one group that it is in."""
    known = {id(parameter): name for name, parameter in reasoner.named_parameters()}
    pairs = [(known[id(parameter)], group["lr"]) for group in bundle.param_groups for parameter in group["params"]]
    assert len(pairs) == len(dict(pairs)) == len(known)
    return dict(pairs)


def learn(reasoner: Reasoner, bundle: OptimizerBundle, *, steps: int = 3) -> None:
    """Steps along gradients that depend on the parameter's shape alone."""
    for step in range(steps):
        for parameter in reasoner.parameters():
            parameter.grad = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(step))
        bundle.step()


@pytest.mark.parametrize("name", FACTORIES)
@pytest.mark.parametrize("kind", [HRM, PlannerExecutor, EnhancedHRM])
def test_each_part_has_its_rate_and_the_rest_the_optimizers(name: str, kind: type[Reasoner]) -> None:
    model = made(kind)
    bundle = call(FACTORIES[name], reasoner=model, learning_rate=5e-4, learning_rates=RATES)
    found, parts = rates(model, bundle), named_parts(model)
    for part, rate in RATES.items():
        inside = names(model, parts[part])
        assert inside
        assert {found.pop(parameter) for parameter in inside} == {rate}
    assert set(found.values()) <= {5e-4}


@pytest.mark.parametrize("name", FACTORIES)
def test_the_schedule_moves_each_rate_alike(name: str) -> None:
    model = made()
    bundle = call(FACTORIES[name], reasoner=model, learning_rate=2.0, learning_rates=RATES, warmup_steps=4, final_learning_rate_ratio=0.1)
    schedule, peaks = bundle.schedule(steps=14), [2.0, *RATES.values()]
    shares = [0.25, 0.5, 0.75, 1.0, 1.0, *[0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * step / 10)) for step in range(1, 11)]]
    for share in shares:
        assert {round(rate, 12) for rate in rates(model, bundle).values()} <= {round(peak * share, 12) for peak in peaks}
        assert {round(group["lr"], 12) for group in bundle.param_groups if group.get("part") == "L"} == {round(3e-4 * share, 12)}
        bundle.step()
        schedule.step()


@pytest.mark.parametrize("name", FACTORIES)
def test_parts_at_the_optimizers_own_rate_learn_what_one_group_learns(name: str) -> None:
    one, two = made(), made()
    learn(one, call(FACTORIES[name], reasoner=one, learning_rate=1e-2))
    learn(two, call(FACTORIES[name], reasoner=two, learning_rate=1e-2, learning_rates=dict.fromkeys(RATES, 1e-2)))
    assert all(torch.equal(left, right) for left, right in zip(one.parameters(), two.parameters(), strict=True))


@pytest.mark.parametrize("name", FACTORIES)
def test_a_part_learns_as_if_the_whole_model_had_its_rate(name: str) -> None:
    """Updates of a parameter depend on nothing but its own gradient and rate."""
    start, mixed, slow, fast = (made(puzzle_embedding_size=16) for _ in range(4))
    learn(mixed, call(FACTORIES[name], reasoner=mixed, learning_rate=1e-2, learning_rates={"L": 1e-4}))
    learn(slow, call(FACTORIES[name], reasoner=slow, learning_rate=1e-4))
    learn(fast, call(FACTORIES[name], reasoner=fast, learning_rate=1e-2))
    for (parameter, got), before, low, high in zip(
        mixed.named_parameters(), start.parameters(), slow.parameters(), fast.parameters(), strict=True
    ):
        assert torch.equal(got, low if parameter.startswith("l_level") else high), parameter
        assert not torch.equal(got, before), parameter


@pytest.mark.parametrize("name", FACTORIES)
def test_without_rates_of_parts_the_groups_are_those_of_before(name: str) -> None:
    model = made(puzzle_embedding_size=16)
    bundle = call(FACTORIES[name], reasoner=model, learning_rate=1e-2)
    assert len(bundle.param_groups) == (3 if name == "muon" else 2)
    assert all("part" not in group for group in bundle.param_groups)
    parameters = list(model.parameters())
    assert grouped(parameters, model, PartOptions()) == parameters


@pytest.mark.parametrize("name", FACTORIES)
def test_a_checkpoint_brings_the_rates_of_parts_back(name: str) -> None:
    model, twin = made(), made()
    bundle = call(FACTORIES[name], reasoner=model, learning_rate=1e-2, learning_rates=RATES)
    other = call(FACTORIES[name], reasoner=twin, learning_rate=5.0, learning_rates=dict.fromkeys(RATES, 5.0))
    learn(model, bundle)
    twin.load_state_dict(model.state_dict())
    other.load_state_dict(copy.deepcopy(bundle.state_dict()))
    learn(model, bundle)
    learn(twin, other)
    assert all(torch.equal(one, two) for one, two in zip(model.parameters(), twin.parameters(), strict=True))


def test_the_name_of_every_attribute_is_a_part_too_and_puzzle_embeddings_are_in_none() -> None:
    model = made(puzzle_embedding_size=16, positions="learned")
    parts = named_parts(model)
    assert list(parts) == ["H", "L", "embeddings", "heads", "embedding", "h_level", "l_level", "token_head", "halting_head"]
    assert names(model, parts["H"]) == names(model, parts["h_level"]) == {name for name in names_of(model) if name.startswith("h_level")}
    assert names(model, parts["embeddings"]) == {"embedding.token.weight", "embedding.position.weight"}
    assert names(model, parts["heads"]) == {"token_head.weight", "halting_head.weight", "halting_head.bias"}
    bundle = call(adamw, reasoner=model, learning_rates={"embedding": 1e-3}, puzzle_embedding_learning_rate=0.5)
    assert isinstance(bundle.optimizers[-1], SparseSignDescent)
    assert rates(model, bundle)["embedding.puzzle.weight"] == 0.5


def names_of(model: Reasoner) -> set[str]:
    return {name for name, _ in model.named_parameters()}


def test_a_matrix_that_is_table_and_head_is_a_table() -> None:
    model = made(EnhancedHRM, tied_embeddings=True)
    parts = named_parts(model)
    assert names(model, parts["embeddings"]) == {"embedding.token.weight"}
    assert names(model, parts["heads"]) == {"halting_head.weight", "halting_head.bias"}
    apart = made(EnhancedHRM, tied_embeddings=False)
    assert "token_head.weight" in names(apart, named_parts(apart)["heads"])


def test_heads_of_segments_are_heads() -> None:
    model = made(PlannerExecutor, max_segments=3)
    assert "auxiliary_heads.weight" in names(model, named_parts(model)["heads"])


def test_levels_that_are_one_module_take_one_rate() -> None:
    model = made(shared_levels=True)
    assert set(rates(model, call(adamw, reasoner=model, learning_rate=1.0, learning_rates={"L": 2.0})).values()) == {1.0, 2.0}
    with pytest.raises(UserError, match=r"two rates, as H and as L; leave one of them out"):
        call(adamw, reasoner=model, learning_rates={"H": 1.0, "L": 2.0})


@pytest.mark.parametrize("name", FACTORIES)
def test_an_unknown_part_is_answered_with_those_that_there_are(name: str) -> None:
    with pytest.raises(UserError) as caught:
        call(FACTORIES[name], reasoner=made(Transformer), learning_rates={"planner": 1.0})
    said = "optimizer.learning_rates.planner names no part of Transformer; its parts are embeddings, heads, embedding, stack, final_norm"
    assert str(caught.value) == f"{said}, token_head"
    with pytest.raises(UserError, match="did you mean heads"):
        call(FACTORIES[name], reasoner=made(), learning_rates={"head": 1.0})


@settings(max_examples=30, deadline=None)
@given(
    chosen=st.dictionaries(st.sampled_from(["h_level", "l_level", "embedding", "token_head", "halting_head"]), st.floats(1e-6, 1.0)),
    name=st.sampled_from(sorted(FACTORIES)),
)
def test_any_choice_of_attributes_divides_the_model(chosen: dict[str, float], name: str) -> None:
    model = made()
    found = rates(model, call(FACTORIES[name], reasoner=model, learning_rate=0.5, learning_rates=chosen))
    assert all(rate == chosen.get(parameter.partition(".")[0], 0.5) for parameter, rate in found.items())
