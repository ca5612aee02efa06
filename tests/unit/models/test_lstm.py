"""The LSTM arm: directions, what is refused, and operations that are counted without a loop."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from hrmlab.core.batches import Batch
from hrmlab.core.components import call
from hrmlab.core.errors import UserError
from hrmlab.core.task import TaskSpec
from hrmlab.models.lstm import LSTM, _LSTMLayer
from hrmlab.models.precision import Computation

SHAPE: dict[str, Any] = {"hidden_size": 16, "mlp_width": 24, "positions": "none", "layers": 1}


def task(**changes: Any) -> TaskSpec:
    return TaskSpec(**{"name": "test", "sequence_length": 6, "vocabulary_size": 5, **changes})


def operations(layer: nn.Module, *, batch: int = 2, length: int = 7) -> tuple[int, int]:
    """Forward, and forward with backward."""
    hidden = torch.zeros(batch, length, 8, device="meta", requires_grad=True)
    with FlopCounterMode(display=False) as counter:
        made = layer(hidden)
        forward = counter.get_total_flops()
        (made[0] if isinstance(made, tuple) else made).sum().backward()
    return forward, counter.get_total_flops()


@pytest.mark.parametrize("bidirectional", [False, True])
def test_operations_are_counted_as_those_of_a_loop_over_the_steps(bidirectional: bool) -> None:
    shape: dict[str, Any] = {"batch_first": True, "bidirectional": bidirectional, "device": "meta"}
    width = 4 if bidirectional else 8
    assert operations(_LSTMLayer(8, width, **shape)) == operations(nn.LSTM(8, width, **shape))


def test_it_reads_in_both_directions_where_the_task_lets_it() -> None:
    both, forward = (call(LSTM, task=task(attention=kind), **SHAPE) for kind in ("full", "causal"))
    names = {name.rpartition(".")[2] for name, _ in both.named_parameters()}
    assert "weight_hh_l0_reverse" in names
    assert not any(name.endswith("_reverse") for name, _ in forward.named_parameters())


def test_packed_documents_are_refused() -> None:
    with pytest.raises(UserError, match=r"one document of a row .* use data\.layout=padded"):
        call(LSTM, task=task(attention="causal", document_start=1), **SHAPE)


def test_it_computes_in_bf16() -> None:
    reasoner = call(LSTM, task=task(), **SHAPE)
    computation = Computation(reasoner, "bf16")
    computation.prepare()
    tokens = torch.zeros(2, 6, dtype=torch.int64)
    _, prediction = computation(computation.initial_carry(2), Batch(tokens, tokens, tokens[:, 0]))
    assert prediction.logits.dtype == torch.bfloat16
    prediction.logits.float().square().sum().backward()
    assert all(parameter.grad is not None for parameter in reasoner.parameters())
