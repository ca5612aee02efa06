"""The mixer of "Speed is Confidence" beside its equations."""

import torch

from hrmlab.core.batches import Batch
from hrmlab.core.components import call
from hrmlab.core.task import TaskSpec
from hrmlab.layers.swiglu import NormalisedSwiGLU, SwiGLU
from hrmlab.models.sic_mixer import SICMixer

TASK = TaskSpec(name="test", sequence_length=9, vocabulary_size=5)


def test_the_normalised_swiglu_is_the_papers_formula_and_bounded() -> None:
    torch.manual_seed(0)
    module = NormalisedSwiGLU(hidden_size=8, mlp_width=12)
    hidden = torch.randn(3, 8)
    gate, up = (hidden @ module.gate_up.weight.T).split(12, dim=-1)
    product = gate * up
    bounded = product / (product.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(module(hidden), (torch.sigmoid(gate) * bounded) @ module.down.weight.T)
    # Plain SwiGLU grows with the square of its input, this one hardly at all.
    plain = SwiGLU(hidden_size=8, mlp_width=12)
    plain.load_state_dict(module.state_dict())
    assert plain(1000 * hidden).norm() > 100_000 * plain(hidden).norm()
    assert module(1000 * hidden).norm() < 10 * module(hidden).norm()


def test_a_segment_has_six_times_nine_and_one_updates_and_gradient_in_the_last_ten() -> None:
    torch.manual_seed(0)
    reasoner = call(SICMixer, task=TASK, hidden_size=8, mlp_width=12)
    with_gradient: list[bool] = []
    reasoner.network.register_forward_hook(lambda *_: with_gradient.append(torch.is_grad_enabled()))
    inputs = torch.zeros(1, 9, dtype=torch.int64)
    reasoner(reasoner.initial_carry(1), Batch(inputs, inputs, torch.zeros(1, dtype=torch.int64)))
    assert with_gradient == [False] * 50 + [True] * 10
