"""Weights in shards over processes (FSDP2, Zhao et al. 2023, arXiv 2304.11277): cut, put together, and read back from whole ones.

No arm is named: what is gathered as one are the blocks inside a reasoner's ``stacks()``, and the rest of it. Checkpoints hold whole
tensors, the very file that one process writes, so who reads one need not know how many processes wrote it.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, distribute_tensor

from hrmlab.core.errors import UserError
from hrmlab.models.precision import Computation, Precision
from hrmlab.models.reasoner import Reasoner
from hrmlab.models.recomputing import blocks_of
from hrmlab.training.sparse_gradients import sparse_parameters

_BESIDE_FORWARD = ("look_ahead", "read_carry")
"""Further methods of a reasoner that compute with its weights."""


def shard(reasoner: Reasoner, mesh: DeviceMesh, *, precision: Precision) -> None:
    """From now on every process of the mesh keeps a part of each weight, and has a block whole only while the block computes.

    Tables with row-sparse gradients stay whole on every process. In bf16 weights are cast as they are gathered; gradients are added up in
    fp32.

    Raises:
        UserError: a parameter is a single number, which cannot be cut.
    """
    single = next((name for name, parameter in reasoner.named_parameters() if parameter.dim() == 0), None)
    if single is not None:
        raise UserError(
            f"trainer.strategy=fsdp cannot cut {type(reasoner).__name__}.{single}, which is a single number; give it the shape (1,), "
            "or use trainer=ddp"
        )
    options: dict[str, Any] = {"mesh": mesh, "reshard_after_forward": True, "ignored_params": set(sparse_parameters(reasoner).values())}
    if precision == "bf16":
        options["mp_policy"] = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32, cast_forward_inputs=False)
    for block in dict.fromkeys(blocks_of(reasoner)):  # a block that two stacks share once
        fully_shard(block, **options)
    fully_shard(reasoner, **options)
    for method in _BESIDE_FORWARD:
        register_fsdp_forward_method(reasoner, method)


def shard_computation(computation: Computation, mesh: DeviceMesh) -> None:
    """Cut the weights of a reasoner that is called through ``computation``; see :func:`shard`."""
    shard(computation.reasoner, mesh, precision=computation.precision)
    computation.weights_come_cast()


def is_sharded(module: nn.Module) -> bool:
    """Whether some of its weights are in parts on several processes."""
    return any(isinstance(parameter, DTensor) for parameter in module.parameters())


def own_part(tensor: Tensor) -> Tensor:
    """What this process has of a tensor: all of it, unless it is in parts."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole(content: Any, *, kept: bool) -> Any:
    """The same containers with every tensor whole and, where it was in parts, on the CPU. All processes call it together.

    Args:
        kept: whether this process wants them; one that does not is left with its parts, and holds one whole tensor at a time.
    """
    if isinstance(content, DTensor):
        full = content.full_tensor().detach()
        return full.cpu() if kept else content
    if isinstance(content, Mapping):
        return {key: whole(value, kept=kept) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return type(content)(whole(value, kept=kept) for value in content)
    return content


def cut_like(model: Tensor, tensor: Tensor) -> Tensor:
    """This process's part of a whole tensor where ``model`` is in parts, cut alike; the tensor itself elsewhere. Nothing is sent."""
    if not isinstance(model, DTensor) or isinstance(tensor, DTensor):
        return tensor
    return distribute_tensor(tensor, model.device_mesh, model.placements, src_data_rank=None)


def load_whole(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """``module.load_state_dict(state)`` with whole tensors, whether or not the module is in parts."""
    own = module.state_dict()
    module.load_state_dict({name: cut_like(own[name], tensor) if name in own else tensor for name, tensor in state.items()})


def optimizer_state_cut(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> dict[str, Any]:
    """An optimizer's state of whole tensors as the optimizer of parameters in parts takes it."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]

    def cut(number: int, value: Any) -> Any:
        parameter = parameters[number]
        return cut_like(parameter, value) if isinstance(value, Tensor) and value.shape == parameter.shape else value

    parts = {number: {name: cut(number, value) for name, value in of_one.items()} for number, of_one in state["state"].items()}
    return {**state, "state": parts}
