"""What a training step of HRM holds in memory, by its number of cycles.

Wang et al. 2025 (arXiv 2506.21734, section 2, "Approximate gradient") claim a memory of O(1) for the one-step gradient, where
backpropagation through T steps takes O(T). Two figures are taken of a segment: the bytes that its forward pass keeps for the backward
pass, and the most that is allocated at any moment of both passes. Neither counts the parameters.
"""

import json
import sys
import tempfile
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from hrmlab.budget.solver import build_reasoner
from hrmlab.core.batches import Batch
from hrmlab.core.components import build
from hrmlab.models.reasoner import Reasoner
from hrmlab.models.recomputing import blocks_of, recompute_blocks
from hrmlab.training.losses import LossOptions, segment_loss


class Kept(AbstractContextManager["Kept"]):
    """Counts what autograd keeps for the backward pass of what is computed inside: each storage once.

    Args:
        without: what is there anyway and does not count, such as parameters.

    Attributes:
        bytes: so far.
    """

    def __init__(self, without: Iterable[Tensor]) -> None:
        self.bytes = 0
        self._seen = {tensor.untyped_storage().data_ptr() for tensor in without}
        self._alive: list[Tensor] = []  # else an address could be given out again, and count as seen
        self._hooks = saved_tensors_hooks(self._pack, lambda tensor: tensor)

    def _pack(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self._seen:
            self._seen.add(storage.data_ptr())
            self._alive.append(tensor)
            self.bytes += storage.nbytes()
        return tensor

    def __enter__(self) -> Self:
        self._hooks.__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._hooks.__exit__(*exception)
        self._alive.clear()


def measure(job: dict[str, Any]) -> dict[str, Any]:
    """
    Args:
        job: sections ``model``, ``size`` and ``data`` as in conf/, ``batch_size`` and ``gradient_checkpointing``.

    Returns:
        ``kept_bytes``: what the forward pass of a segment keeps for its backward pass. ``block_bytes``: what one block keeps beyond its
        inputs when it runs without checkpointing, as it does when it is computed again. ``peak_bytes``: the most that was allocated
        during forward and backward pass, above what was allocated before: activations, gradients, the new carry. ``device``: ``cpu``, or
        the GPU's name.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    task = build(job["data"]).spec
    reasoner, _ = build_reasoner(model=job["model"], task=task, size=job["size"], match="parameters", seed=0)
    reasoner.to(device).train()
    draw = torch.Generator().manual_seed(0)
    shape = (job["batch_size"], task.sequence_length)
    inputs, labels = (torch.randint(0, task.vocabulary_size, shape, generator=draw).to(device) for _ in range(2))
    batch = Batch(inputs, labels, torch.zeros(shape[0], dtype=torch.int64, device=device))
    block_bytes = _kept_by_a_block(reasoner, batch)
    if job["gradient_checkpointing"]:
        recompute_blocks(reasoner)
    with Kept(without=reasoner.parameters()) as kept:
        reasoner(reasoner.initial_carry(shape[0]), batch)
    on_gpu = device.type == "cuda"
    peak = _peak_on_gpu(reasoner, batch) if on_gpu else _peak_on_cpu(reasoner, batch)
    name = torch.cuda.get_device_name() if on_gpu else "cpu"
    return {"kept_bytes": kept.bytes, "block_bytes": block_bytes, "peak_bytes": peak, "device": name}


def _kept_by_a_block(reasoner: Reasoner, batch: Batch) -> int:
    """Bytes that the first block which a segment runs with gradient keeps beyond its inputs."""
    calls: list[tuple[nn.Module, Any]] = []

    def note(block: nn.Module, arguments: Any) -> None:
        if torch.is_grad_enabled():
            calls.append((block, arguments))

    handles = [block.register_forward_pre_hook(note) for block in blocks_of(reasoner)]
    reasoner(reasoner.initial_carry(len(batch.inputs)), batch)
    for handle in handles:
        handle.remove()
    block, arguments = calls[0]
    there = [argument for argument in arguments if isinstance(argument, Tensor)]
    with Kept(without=[*reasoner.parameters(), *there]) as kept:
        block(*arguments)
    return kept.bytes


def _step(reasoner: Reasoner, batch: Batch) -> None:
    """A segment from the initial carry, its loss and the backward pass; the look-ahead and the optimizer are left out."""
    carry, prediction = reasoner(reasoner.initial_carry(len(batch.inputs)), batch)
    answers = prediction.logits.argmax(-1)
    loss, _ = segment_loss(
        prediction,
        answers,
        batch.labels,
        target_q_continue=None if prediction.q_continue_logits is None else torch.zeros_like(prediction.q_continue_logits),
        options=LossOptions(kind="stablemax"),
    )
    loss.backward()
    del carry  # a training step holds it to its end


def _peak_on_gpu(reasoner: Reasoner, batch: Batch) -> int:
    _step(reasoner, batch)  # libraries take their workspaces at first use, and keep them
    reasoner.zero_grad(set_to_none=True)
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    _step(reasoner, batch)
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before


def _peak_on_cpu(reasoner: Reasoner, batch: Batch) -> int:
    """As on the GPU, from the allocator's events in a profile: torch keeps no peak of the CPU's memory."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        _step(reasoner, batch)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profile.export_chrome_trace(str(path))
        events = [event for event in json.loads(path.read_text(encoding="utf-8"))["traceEvents"] if event["name"] == "[memory]"]
    events.sort(key=lambda event: (event["ts"], event["args"]["Ev Idx"]))
    first = events[0]["args"]
    return max(event["args"]["Total Allocated"] for event in events) - (first["Total Allocated"] - first["Bytes"])


if __name__ == "__main__":
    job = json.loads(sys.argv[1])
    torch.set_num_threads(job["threads"])
    print(json.dumps(measure(job)))
