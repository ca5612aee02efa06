"""HRM with cross-attention: who looks at whom, how what is found is fused, and which passes carry gradient."""

from typing import Any

import pytest
import torch
from torch import Tensor

from hrmlab.core.batches import Batch
from hrmlab.core.components import call
from hrmlab.core.task import AttentionKind, TaskSpec
from hrmlab.layers.attention import AttentionContext, CrossAttention, SelfAttention
from hrmlab.models.cross_attention_hrm import CrossAttentionHRM, GatedFusion, Level, LinearFusion

S, D, V = 6, 16, 5
SHAPE: dict[str, Any] = {"hidden_size": D, "num_heads": 2, "mlp_width": 24, "h_layers": 1, "l_layers": 1, "max_segments": 3}


def made(kind: AttentionKind = "full", **options: Any) -> CrossAttentionHRM:
    torch.manual_seed(0)
    return call(CrossAttentionHRM, task=TaskSpec(name="test", sequence_length=S, vocabulary_size=V, attention=kind), **SHAPE, **options)


def batch() -> Batch:
    tokens = torch.randint(0, V, (2, S), generator=torch.Generator().manual_seed(1))
    return Batch(tokens, tokens, torch.zeros(2, dtype=torch.int64))


@pytest.mark.parametrize("causal", [False, True])
def test_looking_at_oneself_is_self_attention(causal: bool) -> None:
    torch.manual_seed(0)
    own = SelfAttention(hidden_size=D, num_heads=2, causal=causal)
    other = CrossAttention(hidden_size=D, num_heads=2, causal=causal)
    with torch.no_grad():
        other.query.weight.copy_(own.query_key_value.weight[:D])
        other.key_value.weight.copy_(own.query_key_value.weight[D:])
        other.output.weight.copy_(own.output.weight)
    hidden = torch.randn(2, S, D)
    angles = torch.rand(S, D // 4)
    context = AttentionContext(rotary=(angles.cos(), angles.sin()))
    torch.testing.assert_close(other(hidden, hidden, context), own(hidden, context))


def test_causal_cross_attention_does_not_look_ahead_and_full_does() -> None:
    torch.manual_seed(0)
    hidden, source = torch.randn(2, S, D), torch.randn(2, S, D)
    changed = source.clone()
    changed[:, 3] += 1.0
    for causal in (False, True):
        look = CrossAttention(hidden_size=D, num_heads=2, causal=causal)
        before, after = look(hidden, source, AttentionContext()), look(hidden, changed, AttentionContext())
        assert torch.equal(before[:, :3], after[:, :3]) == causal
        assert not torch.equal(before[:, 3:], after[:, 3:])


def test_l_looks_at_h_and_the_input_and_h_at_the_updated_l() -> None:
    reasoner, looked = made(h_cycles=1, l_cycles=2), []

    def remember(_: Any, arguments: tuple[Any, ...], output: Tensor) -> None:
        looked.append((arguments[0], arguments[1], output))

    for level in (reasoner.h_level, reasoner.l_level):
        level.register_forward_hook(remember)
    carry = reasoner.initial_carry(2)
    reasoner(carry, batch())
    embedded, _ = reasoner.embedding(batch())
    (first, at_first, updated), (again, at_again, twice), (h_state, at_h, _) = looked
    assert torch.equal(first, carry["z_L"])
    assert torch.equal(again, updated)
    for seen in (at_first, at_again):
        assert torch.equal(seen[0], carry["z_H"])
        assert torch.equal(seen[1], embedded)
    assert torch.equal(h_state, carry["z_H"])
    assert len(at_h) == 1
    assert torch.equal(at_h[0], twice)


@pytest.mark.parametrize(("bias", "kept"), [(30.0, True), (-30.0, False)])
def test_a_gate_keeps_the_state_or_takes_what_was_found(bias: float, kept: bool) -> None:
    fusion = GatedFusion(D)
    with torch.no_grad():
        fusion.gate.weight.zero_()
        fusion.gate.bias.fill_(bias)
    state, found = torch.randn(2, S, D), torch.randn(2, S, D)
    torch.testing.assert_close(fusion(state, found), state if kept else found)


def test_linear_fusion_is_one_map_of_both() -> None:
    reasoner = made(fusion="linear")
    for level in (reasoner.h_level, reasoner.l_level):
        assert isinstance(level, Level)
        assert isinstance(level.fusion, LinearFusion)
    fusion, state, found = LinearFusion(D), torch.randn(2, S, D), torch.randn(2, S, D)
    torch.testing.assert_close(fusion(state, found), state @ fusion.both.weight[:, :D].T + found @ fusion.both.weight[:, D:].T)


@pytest.mark.parametrize(("gradient", "with_gradient"), [("one_step", 2), ("full", 6)])
def test_passes_with_gradient(gradient: str, with_gradient: int) -> None:
    reasoner, passes = made(gradient=gradient), []
    for level in (reasoner.h_level, reasoner.l_level):
        level.register_forward_hook(lambda _module, _inputs, output: passes.append(output.requires_grad))
    _, prediction = reasoner(reasoner.initial_carry(2), batch())
    assert (len(passes), sum(passes)) == (6, with_gradient)
    other = made(gradient="full")
    torch.testing.assert_close(other(other.initial_carry(2), batch())[1].logits, prediction.logits)


def test_evaluation_leaves_gradients_off() -> None:
    reasoner = made(gradient="full")
    with torch.no_grad():
        assert not reasoner(reasoner.initial_carry(2), batch())[1].logits.requires_grad


def test_a_prediction_brings_the_threshold_along() -> None:
    reasoner = made(halting_threshold=0.7)
    assert reasoner(reasoner.initial_carry(2), batch())[1].halting_threshold == 0.7
