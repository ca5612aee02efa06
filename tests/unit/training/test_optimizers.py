"""Optimizers: who is updated how, the schedule, and what a checkpoint holds."""

import copy
import math
from typing import Any

import pytest
import torch
from torch import nn

from hrmlab.core.components import call
from hrmlab.core.task import TaskSpec
from hrmlab.models.hrm import HRM
from hrmlab.training.optimizers import OptimizerBundle, SparseSignDescent, adam_atan2, adamw, muon

FACTORIES: dict[str, Any] = {"adamw": adamw, "adam_atan2": adam_atan2, "muon": muon}


def reasoner() -> HRM:
    torch.manual_seed(0)
    task = TaskSpec(name="test", sequence_length=4, vocabulary_size=5, puzzle_ids=6)
    return call(HRM, task=task, hidden_size=16, num_heads=2, mlp_width=8, h_layers=1, l_layers=1, puzzle_embedding_size=16)


def test_sparse_sign_descent_moves_used_rows_by_the_sign_of_their_summed_gradient() -> None:
    table = nn.Embedding(5, 3, sparse=True)
    before = table.weight.detach().clone()
    assert isinstance(table.weight, nn.Parameter)
    optimizer = SparseSignDescent([table.weight], lr=0.1, weight_decay=0.5)
    (table(torch.tensor([1, 1, 4])) * torch.tensor([[1.0], [-3.0], [2.0]])).sum().backward()
    optimizer.step()
    expected = before.clone()
    expected[1] = before[1] * 0.95 + 0.1  # gradients +1 and -3 sum to -2
    expected[4] = before[4] * 0.95 - 0.1
    torch.testing.assert_close(table.weight.detach(), expected)


@pytest.mark.parametrize("name", FACTORIES)
def test_every_parameter_is_updated_once_and_state_survives_a_round_trip(name: str) -> None:
    model = reasoner()
    bundle: OptimizerBundle = call(FACTORIES[name], reasoner=model, learning_rate=1e-2)
    grouped = [parameter for group in bundle.param_groups for parameter in group["params"]]
    assert len(grouped) == len({id(p) for p in grouped}) == len(list(model.parameters()))
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    bundle.step()
    assert all(not torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))

    twin = reasoner()
    twin.load_state_dict(model.state_dict())
    other: OptimizerBundle = call(FACTORIES[name], reasoner=twin, learning_rate=5.0)
    other.load_state_dict(copy.deepcopy(bundle.state_dict()))
    for one, two in zip(model.parameters(), twin.parameters(), strict=True):
        one.grad, two.grad = torch.full_like(one, 0.3), torch.full_like(two, 0.3)
    bundle.step()
    other.step()
    assert all(torch.equal(one, two) for one, two in zip(model.parameters(), twin.parameters(), strict=True))


def test_schedule_warms_up_then_follows_half_a_cosine() -> None:
    bundle = call(adamw, reasoner=reasoner(), learning_rate=2.0, warmup_steps=4, final_learning_rate_ratio=0.1)
    schedule = bundle.schedule(steps=14)
    rates = []
    for _ in range(15):
        rates.append(bundle.optimizers[0].param_groups[0]["lr"])
        bundle.step()
        schedule.step()
    assert rates[:4] == pytest.approx([0.5, 1.0, 1.5, 2.0])
    assert rates[9] == pytest.approx(2 * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * 0.5))))
    assert rates[14] == pytest.approx(0.2)


@pytest.mark.parametrize("name", FACTORIES)
def test_the_course_of_the_rate_is_a_key_of_every_optimizer(name: str) -> None:
    bundle = call(FACTORIES[name], reasoner=reasoner(), learning_rate=2.0, warmup_steps=1, schedule="linear", final_learning_rate_ratio=0.0)
    schedule = bundle.schedule(steps=5)
    for _ in range(3):
        bundle.step()
        schedule.step()
    assert bundle.optimizers[0].param_groups[0]["lr"] == pytest.approx(1.0)


def test_puzzle_embeddings_have_their_own_rate() -> None:
    bundle = call(adamw, reasoner=reasoner(), learning_rate=1e-3, puzzle_embedding_learning_rate=0.5, puzzle_embedding_weight_decay=0.25)
    assert isinstance(bundle.optimizers[-1], SparseSignDescent)
    assert bundle.param_groups[-1]["lr"] == 0.5
    assert bundle.param_groups[-1]["weight_decay"] == 0.25


def test_muon_gets_the_matrices_of_the_stacks_and_nothing_else() -> None:
    model = reasoner()
    bundle = call(muon, reasoner=model)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    inner = {names[id(parameter)] for group in bundle.optimizers[0].param_groups for parameter in group["params"]}
    assert inner == {name for name in names.values() if "_level.blocks" in name}


def test_muon_gives_adamw_values_of_its_own_where_it_is_told_to() -> None:
    bundle = call(muon, reasoner=reasoner(), learning_rate=1e-2, weight_decay=0.2, other_learning_rate=1e-4, other_weight_decay=1.0)
    assert [(group["lr"], group["weight_decay"]) for group in bundle.param_groups[:2]] == [(1e-2, 0.2), (1e-4, 1.0)]
    bundle = call(muon, reasoner=reasoner(), learning_rate=1e-2, weight_decay=0.2)
    assert [(group["lr"], group["weight_decay"]) for group in bundle.param_groups[:2]] == [(1e-2, 0.2), (1e-2, 0.2)]
