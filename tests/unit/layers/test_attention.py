"""Plain attention on the CPU, in bf16 and compiled, against torch's fused kernel."""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from hrmlab.layers.attention import attend, attention_watched


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


@pytest.mark.parametrize("mask", ["none", "causal", "visible"])
@pytest.mark.parametrize(("length", "fused"), [(36, False), (65, True)])
def test_compiled_attention_over_few_keys_is_the_fused_one_to_rounding(mask: str, length: int, fused: bool) -> None:
    torch.manual_seed(0)
    visible = torch.rand(2, 1, length, length) < 0.5 if mask == "visible" else None
    if visible is not None:
        visible |= torch.eye(length, dtype=torch.bool)
    one = [torch.randn(2, 3, length, 8).requires_grad_() for _ in range(3)]
    two = [tensor.detach().clone().requires_grad_() for tensor in one]
    called: list[str] = []

    def backend(graph: torch.fx.GraphModule, _: list[torch.Tensor]) -> torch.fx.GraphModule:
        called.extend(getattr(node.target, "__name__", str(node.target)) for node in graph.graph.nodes)
        return graph

    def ask(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        return attend(query, key, value, causal=mask == "causal", visible=visible)

    answer, expected = torch.compile(ask, backend=backend, dynamic=False)(*one), ask(*two)
    assert ("scaled_dot_product_attention" in called) == fused
    torch.testing.assert_close(answer, expected, rtol=1e-5, atol=1e-6)
    answer.square().sum().backward()
    expected.square().sum().backward()
    for tensor, reference in zip(one, two, strict=True):
        torch.testing.assert_close(tensor.grad, reference.grad, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_watched_weights_are_those_that_are_used(causal: bool, kind: torch.dtype) -> None:
    torch.manual_seed(0)
    query, key, value = (torch.randn(2, 3, 9, 8).to(kind) for _ in range(3))
    visible = torch.ones(9, 9, dtype=torch.bool).tril(-1) | torch.eye(9, dtype=torch.bool)
    visible[5, 2] = False
    unseen = attend(query, key, value, causal=causal)
    with attention_watched() as seen:
        with attention_watched() as inner:
            assert torch.equal(attend(query, key, value, causal=causal), unseen)
        masked = attend(query, key, value, causal=causal, visible=visible)
    assert (len(inner), len(seen)) == (1, 1)
    tolerance = 1e-5 if kind == torch.float32 else 0.03
    torch.testing.assert_close(inner[0] @ value.float(), unseen.float(), atol=tolerance, rtol=tolerance)
    torch.testing.assert_close(seen[0] @ value.float(), masked.float(), atol=tolerance, rtol=tolerance)
    assert float(seen[0][..., 5, 2].abs().max()) == 0.0
    assert bool((inner[0].triu(1) == 0).all()) is causal
    attend(query, key, value, causal=causal)
    assert len(seen) == 1
