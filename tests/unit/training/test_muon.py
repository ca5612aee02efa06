"""Muon with matrices of one shape taken together is torch's Muon."""

from typing import Any

import pytest
import torch
from torch import nn

from hrmlab.training.muon import BatchedMuon

SHAPES = [(48, 48), (144, 48), (192, 48), (48, 96), (64, 64), (5, 3), (3, 5), (1, 4)]


@pytest.mark.parametrize("options", [{}, {"adjust_lr_fn": "match_rms_adamw", "nesterov": False, "weight_decay": 0.0}, {"ns_steps": 3}])
def test_updates_are_those_of_torch(options: dict[str, Any]) -> None:
    draws = torch.Generator().manual_seed(0)
    matrices = [torch.randn(shape, generator=draws) for shape in SHAPES for _ in range(3)]
    ours, torchs = ([nn.Parameter(matrix.clone()) for matrix in matrices] for _ in range(2))
    options = {"lr": 0.02, "weight_decay": 0.1, "momentum": 0.9, **options}
    groups = [[{"params": part[:5], "lr": 0.1}, {"params": part[5:]}] for part in (ours, torchs)]
    batched, plain = BatchedMuon(groups[0], **options), torch.optim.Muon(groups[1], **options)
    for _ in range(4):
        for one, other in zip(ours, torchs, strict=True):
            one.grad = torch.randn(one.shape, generator=draws)
            other.grad = one.grad.clone()
        batched.step()
        plain.step()
    for one, other in zip(ours, torchs, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-3)  # bf16 inside: products of a stack may round otherwise
    for number, state in plain.state_dict()["state"].items():
        assert torch.equal(batched.state_dict()["state"][number]["momentum_buffer"], state["momentum_buffer"])


def test_a_matrix_without_gradient_stays() -> None:
    still, moving = (nn.Parameter(torch.ones(2, 2)) for _ in range(2))
    moving.grad = torch.eye(2)
    BatchedMuon([still, moving], lr=0.1).step()
    assert torch.equal(still, torch.ones(2, 2))
    assert not torch.equal(moving, torch.ones(2, 2))


def test_a_state_of_torch_goes_on() -> None:
    parameter = nn.Parameter(torch.eye(3))
    before, after = torch.optim.Muon([parameter], lr=0.1), BatchedMuon([parameter], lr=0.1)
    parameter.grad = torch.ones(3, 3)
    before.step()
    after.load_state_dict(before.state_dict())
    after.step()
    assert after.state[parameter]["momentum_buffer"].sum() > 0


def test_in_fp32_an_update_is_nearer_to_the_orthogonal_factor() -> None:
    draws = torch.Generator().manual_seed(0)
    gradient = torch.randn(48, 32, generator=draws)
    # Newton-Schulz with these coefficients converges: the singular values become 1, where Muon's usual ones leave them between 0.7 and 1.2.
    options = {"lr": 1.0, "weight_decay": 0.0, "momentum": 0.0, "nesterov": False, "ns_coefficients": (2.0, -1.5, 0.5), "ns_steps": 40}
    errors = {}
    for dtype in (torch.bfloat16, torch.float32):
        parameter = nn.Parameter(torch.zeros(48, 32))
        parameter.grad = gradient.clone()
        BatchedMuon([parameter], newton_schulz_dtype=dtype, **options).step()
        left, _, right = torch.linalg.svd(gradient, full_matrices=False)
        errors[dtype] = (parameter / parameter.norm() + left @ right / (left @ right).norm()).norm().item()
    assert errors[torch.float32] < 1e-4
    assert errors[torch.bfloat16] > 10 * errors[torch.float32]
