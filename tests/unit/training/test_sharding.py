"""Tensors in parts over two processes: cut, put together, and updated by Muon as the whole matrices are."""

import socket
import traceback
from typing import Any

import pytest
import torch
from torch import nn

from hrmlab.core.errors import UserError
from hrmlab.core.task import TaskSpec
from hrmlab.layers.options import EmbeddingOptions
from hrmlab.models.transformer import Transformer
from hrmlab.training.muon import BatchedMuon
from hrmlab.training.sharding import cut_like, own_part, shard, whole
from ranks import forked

SHAPES = ((5, 3), (4, 8), (1, 6))
"""Some that two processes cannot share evenly."""


def _in_parts(rank: int, port: int, failed: Any) -> None:
    try:
        torch.distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
        _muon_is_that_of_whole_matrices(rank)
        torch.distributed.destroy_process_group()
    except BaseException:
        failed.put(traceback.format_exc())
        raise


def _muon_is_that_of_whole_matrices(rank: int) -> None:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import DTensor, Shard, distribute_tensor

    mesh, draws = init_device_mesh("cpu", (2,)), torch.Generator().manual_seed(0)
    matrices = [torch.randn(shape, generator=draws) for shape in SHAPES]
    plain = [nn.Parameter(matrix.clone()) for matrix in matrices]
    cut = [nn.Parameter(distribute_tensor(matrix, mesh, [Shard(0)], src_data_rank=None)) for matrix in matrices]
    assert [own_part(parameter).shape[0] for parameter in cut] == [[3, 2, 1], [2, 2, 0]][rank]
    options: dict[str, Any] = {"lr": 0.1, "weight_decay": 0.2, "momentum": 0.9, "adjust_lr_fn": "match_rms_adamw"}
    expected, optimizer = torch.optim.Muon(plain, **options), BatchedMuon(cut, **options)
    for _ in range(3):
        for one, other in zip(plain, cut, strict=True):
            one.grad = torch.randn(one.shape, generator=draws)
            other.grad = cut_like(other, one.grad)
        expected.step()
        optimizer.step()
    together = whole([parameter.detach() for parameter in cut], kept=rank == 0)
    state = whole(optimizer.state_dict(), kept=rank == 0)
    if rank == 0:
        for one, other in zip(plain, together, strict=True):
            torch.testing.assert_close(other, one.detach(), rtol=1e-6, atol=1e-6)
        for number, of_one in expected.state_dict()["state"].items():
            assert torch.equal(state["state"][number]["momentum_buffer"], of_one["momentum_buffer"])
    else:
        assert isinstance(together[0], DTensor)  # it keeps no whole one


@pytest.mark.slow
def test_muon_of_two_processes_is_that_of_whole_matrices() -> None:
    context = forked()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    failed = context.Queue()
    processes = [context.Process(target=_in_parts, args=(rank, port, failed)) for rank in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=120)
    codes = [process.exitcode for process in processes]
    for process in processes:
        process.kill()
    assert codes == [0, 0], failed.get(timeout=5)


def test_a_parameter_that_is_a_single_number_is_refused_by_name() -> None:
    task = TaskSpec(name="test", sequence_length=4, vocabulary_size=5)
    model = Transformer(task=task, hidden_size=16, num_heads=2, mlp_width=8, layers=1, embedding=EmbeddingOptions())
    model.temperature = nn.Parameter(torch.ones(()))
    with pytest.raises(UserError, match=r"cannot cut Transformer\.temperature.*shape \(1,\).*trainer=ddp"):
        shard(model, None, precision="fp32")  # type: ignore[arg-type]
