"""Every arm computes with weights in parts what it computes with whole ones; no arm's name is needed for that."""

import socket
from collections.abc import Iterator
from typing import Any

import arm_contract
import pytest
import sharding_contract
import torch
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

from hrmlab.models.reasoner import Reasoner


def cases() -> Iterator[Any]:
    """Every arm as it is, and with every switch turned (tables shared with heads, levels that are one, ...)."""
    for model in arm_contract.model_classes():
        for options in arm_contract.option_variants(model):
            if all(isinstance(value, bool) for value in options.values()):
                yield pytest.param(model, options, id=f"{model.__name__}-{options or 'defaults'}")


@pytest.fixture(scope="module")
def alone() -> Iterator[DeviceMesh]:
    """A process group of this process alone: weights are cut into one part, and all that cutting does to a model is done to it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    torch.distributed.init_process_group("gloo", init_method=address, rank=0, world_size=1)
    yield init_device_mesh("cpu", (1,))
    torch.distributed.destroy_process_group()


@pytest.mark.filterwarnings("ignore:FSDP2-wrapped module")  # of outputs that are views; nothing here changes them in place
@pytest.mark.parametrize(("model", "options"), list(cases()))
def test_an_arm_in_parts(model: type[Reasoner], options: dict[str, Any], alone: DeviceMesh) -> None:
    attention = model.attention_kinds[-1]
    sharding_contract.check_sharding(model, attention, options, alone, precision="fp32", recomputing=False)


@pytest.mark.filterwarnings("ignore:FSDP2-wrapped module")
@pytest.mark.parametrize("model", arm_contract.model_classes())
def test_an_arm_in_parts_in_bf16_that_computes_blocks_again(model: type[Reasoner], alone: DeviceMesh) -> None:
    sharding_contract.check_sharding(model, model.attention_kinds[0], {}, alone, precision="bf16", recomputing=True)
