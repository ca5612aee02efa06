"""What every arm must keep whose weights are in parts: numbers and gradients as with whole weights."""

import copy
from typing import Any

import torch
from arm_contract import B, Options, make, make_batch
from torch import Tensor
from torch.distributed.device_mesh import DeviceMesh
from torch.utils._pytree import tree_flatten

from hrmlab.core.batches import Carry
from hrmlab.core.task import AttentionKind
from hrmlab.models.precision import Computation, Precision
from hrmlab.models.reasoner import Reasoner
from hrmlab.models.recomputing import recompute_blocks
from hrmlab.training.losses import LossOptions, segment_loss
from hrmlab.training.sharding import shard_computation, whole

_LOSS = LossOptions(kind="stablemax")


def check_sharding(
    model: type[Reasoner], attention: AttentionKind, options: Options, mesh: DeviceMesh, *, precision: Precision, recomputing: bool
) -> None:
    """Two segments, a look-ahead, the reading of a carry, and the gradients; in bf16 these to its rounding, for they add up in another
    order."""
    plain, cut = (Computation(make(model, attention, options).train(), precision) for _ in range(2))
    if recomputing:
        recompute_blocks(cut.reasoner)
    shard_computation(cut, mesh)
    for one, other in zip(_everything(plain), _everything(cut), strict=True):
        torch.testing.assert_close(other, one)
    gradients = {name: whole(parameter.grad, kept=True) for name, parameter in cut.reasoner.named_parameters()}
    for name, parameter in plain.reasoner.named_parameters():
        assert parameter.grad is not None
        assert gradients[name].dtype == torch.float32
        rounding = 0.03 * float(parameter.grad.to_dense().abs().max())
        relative, absolute = (None, None) if precision == "fp32" else (0.0, rounding)
        torch.testing.assert_close(gradients[name], parameter.grad, rtol=relative, atol=absolute, msg=name)


def _everything(computation: Computation) -> list[Tensor]:
    """All tensors that come out; the gradients stay in the parameters."""
    reasoner, batch = computation.reasoner, make_batch()
    carry: Carry = computation.initial_carry(B)
    found: list[Any] = []
    for _ in range(2):
        computation.prepare()
        before = carry
        carry, prediction = computation(carry, batch)
        looked = None
        if reasoner.continues:
            with torch.no_grad():
                looked = computation.look_ahead(carry, batch)
        target = None if prediction.q_continue_logits is None else torch.full_like(prediction.q_continue_logits, 0.3)
        loss, _ = segment_loss(prediction, prediction.logits.argmax(-1), batch.labels, target_q_continue=target, options=_LOSS)
        read = computation.read_carry(before, batch.inputs.shape[1])
        found += [copy.copy(carry), prediction.logits, looked, loss, None if read is None else read.logits]
        if read is not None:
            loss = loss + read.logits.square().mean()  # as a further loss that looks back
        loss.backward()
        carry = reasoner.restart(carry, torch.tensor([False, True, False]))
    return [leaf.detach() for leaf in tree_flatten(found)[0] if isinstance(leaf, Tensor)]
