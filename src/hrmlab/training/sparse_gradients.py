"""Row-sparse gradients under several processes: DDP leaves them alone, and what every process found is brought together here.

DDP adds up sparse gradients with gloo and not with NCCL. A batch touches at most one row per slot, so one gather of that size takes all of
them: both do that, without waiting for the host.
"""

from collections.abc import Iterable

import torch
from torch import nn

from hrmlab.layers.embeddings import PuzzleEmbedding


def sparse_parameters(module: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters with row-sparse gradients, by name."""
    tables = {id(part.weight) for part in module.modules() if isinstance(part, PuzzleEmbedding)}
    return {name: parameter for name, parameter in module.named_parameters() if id(parameter) in tables}


def leave_to_us(module: nn.Module) -> None:
    """Tell DDP, which will wrap this module, not to touch parameters with row-sparse gradients."""
    module._ddp_params_and_buffers_to_ignore = list(sparse_parameters(module))  # type: ignore[assignment]  # where DDP looks for it


def average_over_processes(parameters: Iterable[nn.Parameter], *, slots: int) -> None:
    """Give every process the mean of all processes' gradients, as DDP does for dense ones.

    Args:
        parameters: with row-sparse gradients; those without a gradient, the same on all processes, are passed over.
        slots: examples of one process: no gradient has more rows.
    """
    processes = torch.distributed.get_world_size()
    for parameter in parameters:
        if parameter.grad is None:
            continue
        gradient = parameter.grad.coalesce()
        rows, values = gradient.indices()[0], gradient.values()
        # Filled up to one size with zeros for a row that has a gradient anyway: the optimizer touches no other.
        filling = slots - len(rows)
        rows = torch.cat((rows, rows[:1].expand(filling)))
        values = torch.cat((values / processes, values.new_zeros(filling, values.shape[1])))
        all_rows, all_values = ([torch.empty_like(part) for _ in range(processes)] for part in (rows, values))
        torch.distributed.all_gather(all_rows, rows)
        torch.distributed.all_gather(all_values, values)
        parameter.grad = torch.sparse_coo_tensor(torch.cat(all_rows)[None], torch.cat(all_values), parameter.shape)
