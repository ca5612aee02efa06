"""The plain attention of bf16 on the CPU against torch's fused kernel."""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from hrmlab.layers.attention import attend


@pytest.mark.parametrize("causal", [False, True])
def test_plain_and_fused_attention_agree(causal: bool) -> None:
    torch.manual_seed(0)
    exact = [torch.randn(2, 3, 17, 8) for _ in range(3)]
    query, key, value = (tensor.bfloat16().requires_grad_() for tensor in exact)
    answer = attend(query, key, value, causal=causal)
    reference = [tensor.bfloat16().float().requires_grad_() for tensor in exact]
    expected = scaled_dot_product_attention(reference[0], reference[1], reference[2], is_causal=causal)
    torch.testing.assert_close(answer.float(), expected, atol=0.03, rtol=0.03)
    answer.float().square().sum().backward()
    expected.square().sum().backward()
    for one, two in zip((query, key, value), reference, strict=True):
        assert one.grad is not None
        assert two.grad is not None
        assert (one.grad.float() - two.grad).norm() / two.grad.norm() < 0.03
