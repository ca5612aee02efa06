"""Gradient checkpointing changes no number and keeps less."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "contracts"))

import arm_contract as contract  # pyright: ignore[reportMissingImports]
from benchmarks.memory import Kept

from hrmlab.models.hrm import HRM
from hrmlab.models.precision import Computation, Precision
from hrmlab.models.reasoner import Reasoner
from hrmlab.models.recomputing import recompute_blocks

CASES = [
    pytest.param(model, attention, id=f"{model.__name__}-{attention}")
    for model in contract.model_classes()
    for attention in model.attention_kinds
]


def gradients(
    model: Any, attention: Any, precision: Precision, options: contract.Options | None = None, *, recomputing: bool
) -> tuple[list[torch.Tensor], int]:
    """All gradients of one segment, and the bytes that were kept for them, each storage once, weights left out."""
    reasoner: Reasoner = contract.make(model, attention, options or {}).train()
    if recomputing:
        recompute_blocks(reasoner)
    computation = Computation(reasoner, precision)
    computation.prepare()
    with Kept(without=reasoner.parameters()) as kept:
        _, prediction = computation(computation.initial_carry(contract.B), contract.make_batch())
        losses = [prediction.logits, prediction.q_halt_logits, *prediction.losses.values()]
        total = torch.stack([part.float().square().sum() for part in losses if part is not None]).sum()
    computation.release()
    total.backward()
    return [parameter.grad for parameter in reasoner.parameters() if parameter.grad is not None], kept.bytes


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(("model", "attention"), CASES)
def test_gradients_are_the_same_and_less_is_kept(model: Any, attention: Any, precision: Precision) -> None:
    plain, all_of_it = gradients(model, attention, precision, recomputing=False)
    again, less = gradients(model, attention, precision, recomputing=True)
    assert len(plain) == len(again) > 0
    for one, two in zip(plain, again, strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=0)
    assert less < all_of_it


@pytest.mark.parametrize("attention", HRM.attention_kinds)
def test_a_block_that_several_cycles_use_is_computed_again_for_each(attention: Any) -> None:
    """With the full gradient every block runs many times, from other inputs each time."""
    options = {"gradient": "full", "h_cycles": 3, "l_cycles": 2}
    plain, all_of_it = gradients(HRM, attention, "fp32", options, recomputing=False)
    again, less = gradients(HRM, attention, "fp32", options, recomputing=True)
    for one, two in zip(plain, again, strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=0)
    assert less < all_of_it / 5
