"""TRM beside a second implementation of its segment, written in plain tensor operations."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import silu

from hrmlab.core.batches import Batch
from hrmlab.core.components import call
from hrmlab.core.errors import UserError
from hrmlab.core.task import TaskSpec
from hrmlab.models.trm import TRM, MixerTRM

S, D, V = 9, 16, 5
TASK = TaskSpec(name="test", sequence_length=S, vocabulary_size=V, puzzle_ids=3)
SHAPE = {"task": TASK, "hidden_size": D, "num_heads": 2, "mlp_width": 24, "positions": "none", "h_cycles": 2, "l_cycles": 3}


def batch() -> Batch:
    generator = torch.Generator().manual_seed(1)
    inputs, labels = torch.randint(0, V, (2, 2, S), generator=generator)
    return Batch(inputs, labels, torch.tensor([0, 2]))


def normalised(values: Tensor) -> Tensor:
    return values / (values.square().mean(-1, keepdim=True) + 1e-5).sqrt()


def feed_forward(values: Tensor, gate_up: Tensor, down: Tensor) -> Tensor:
    gate, up = (values @ gate_up.T).split(gate_up.shape[0] // 2, dim=-1)
    return (silu(gate) * up) @ down.T


def test_the_mixer_is_the_release_s_block_in_the_paper_s_loop() -> None:
    torch.manual_seed(0)
    reasoner = call(MixerTRM, **SHAPE, layers=1, position_width=16, puzzle_embedding_size=8, puzzle_positions=2)
    with torch.no_grad():
        reasoner.embedding.puzzle.weight.normal_()
    weights = dict(reasoner.named_parameters())

    def network(state: Tensor, injection: Tensor) -> Tensor:
        hidden = (state + injection).transpose(1, 2)
        across = feed_forward(
            hidden, weights["network.blocks.0.position_mlp.gate_up.weight"], weights["network.blocks.0.position_mlp.down.weight"]
        )
        hidden = normalised(hidden + across).transpose(1, 2)
        return normalised(
            hidden + feed_forward(hidden, weights["network.blocks.0.mlp.gate_up.weight"], weights["network.blocks.0.mlp.down.weight"])
        )

    rows = batch()
    puzzle = torch.zeros(2, 2 * D)
    puzzle[:, :8] = weights["embedding.puzzle.weight"][rows.puzzle_ids]
    question = torch.cat((puzzle.view(2, 2, D), weights["embedding.token.weight"][rows.inputs]), dim=1) * D**0.5
    y, z = reasoner.h_initial.expand(2, S + 2, D), reasoner.l_initial.expand(2, S + 2, D)
    for _ in range(2):
        for _ in range(3):
            z = network(z, y + question)
        y = network(y, z)
    carry, prediction = reasoner(reasoner.initial_carry(2), rows)
    torch.testing.assert_close(carry["z_H"], y.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(carry["z_L"], z.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(prediction.logits, y[:, 2:] @ weights["token_head.weight"].T, rtol=1e-4, atol=1e-5)


def test_gradient_goes_through_the_last_cycle_or_through_all() -> None:
    """One network, so that what differs is how much of its history a step's gradient sees."""
    gradients = {}
    for gradient in ("last_cycle", "full"):
        torch.manual_seed(0)
        reasoner = call(TRM, **SHAPE, gradient=gradient)
        reasoner(reasoner.initial_carry(2), batch())[1].logits.square().sum().backward()
        gradients[gradient] = reasoner.network.blocks[0].mlp.down.weight.grad
    assert not torch.allclose(gradients["last_cycle"], gradients["full"])


def test_a_puzzle_embedding_that_its_positions_cannot_hold_is_refused() -> None:
    with pytest.raises(UserError, match="puzzle_positions=1 of 16 channels cannot hold"):
        call(TRM, **SHAPE, puzzle_embedding_size=20, puzzle_positions=1)
