"""The least time that a training step could take on this machine: that of its matrix products alone, each as fast as the machine does it.

Products are noted as the eager step calls them (forward, look-ahead, backward, optimizer), and then timed one by one at their shapes and
precision, on contiguous operands, with nothing around them. Attention that runs as one fused kernel counts as the products inside it: two
forward, four backward. Everything else (norms, activations, softmax, the optimizer's elementwise work, Python) is what a step takes beyond.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.train_step import train

WARM_UP = 4  # steps before the one that is noted: the first segments of a run restart every slot
_REPETITIONS, _LEAST_SECONDS = 5, 0.01

Product = tuple[int, int, int, int, torch.dtype]
"""Batch, rows, inner size and columns of a product of matrices (batch 1 for a single one), and the type of its operands."""


class Products(TorchDispatchMode):
    """Notes the matrix products of what runs inside, the backward pass included.

    Attributes:
        seen: how often each product was asked for.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen: Counter[Product] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        name = func.overloadpacket.__name__
        if name in ("mm", "bmm"):
            self._note(args[0], args[1])
        elif name in ("addmm", "baddbmm"):
            self._note(args[1], args[2])
        elif "scaled_dot_product" in name:
            self._note_attention(name, args)
        return func(*args, **(kwargs or {}))

    def _note(self, left: Tensor, right: Tensor) -> None:
        batch = left.shape[0] if left.ndim == 3 else 1
        self.seen[batch, left.shape[-2], left.shape[-1], right.shape[-1], left.dtype] += 1

    def _note_attention(self, name: str, args: tuple[Any, ...]) -> None:
        backward = name.endswith("backward")
        query, key, value = args[1:4] if backward else args[:3]
        batch, rows, columns = query.shape[0] * query.shape[1], query.shape[-2], key.shape[-2]
        each = {"scores": (rows, query.shape[-1], columns), "mixed": (rows, columns, value.shape[-1])}
        for shape in each.values():
            self.seen[batch, *shape, query.dtype] += 2 if backward else 1


def seconds(seen: Mapping[Product, int]) -> float:
    """How long these products take, one after the other."""
    return sum(count * _seconds(product) for product, count in seen.items())


def operations(seen: Mapping[Product, int]) -> int:
    """Their floating-point operations."""
    return sum(2 * batch * rows * inner * columns * count for (batch, rows, inner, columns, _), count in seen.items())


def _seconds(product: Product) -> float:
    """The fastest of some timings: a limit is what the machine can do when nothing disturbs it."""
    batch, rows, inner, columns, dtype = product
    left, right = torch.randn(batch, rows, inner).to(dtype), torch.randn(batch, inner, columns).to(dtype)
    if batch == 1:
        left, right = left[0], right[0]
    result = torch.matmul(left, right)
    number, took = 1, 0.0
    while took < _LEAST_SECONDS:
        number *= 2
        took = _time(left, right, result, number)
    return min([took, *(_time(left, right, result, number) for _ in range(_REPETITIONS - 1))]) / number


def _time(left: Tensor, right: Tensor, result: Tensor, number: int) -> float:
    start = time.perf_counter()
    for _ in range(number):
        torch.matmul(left, right, out=result)
    return time.perf_counter() - start


def measure(job: dict[str, Any]) -> dict[str, Any]:
    """
    Args:
        job: as ``benchmarks.train_step.train`` takes it, not compiled.

    Returns:
        ``arithmetic_s``, seconds of a step's matrix products; ``products``, how many they are; ``gigaflops_per_s``, the rate at
        these shapes.
    """
    modes: list[Products] = []
    step = 0

    def started() -> None:
        nonlocal step
        step += 1
        if step > WARM_UP:
            modes.append(Products())
            modes[-1].__enter__()

    def ended() -> None:
        if step > WARM_UP:
            modes[-1].__exit__(None, None, None)

    train(job, WARM_UP + 1, started=started, ended=ended)
    seen = modes[-1].seen
    took = seconds(seen)
    return {"arithmetic_s": round(took, 4), "products": sum(seen.values()), "gigaflops_per_s": round(operations(seen) / took / 1e9, 1)}


if __name__ == "__main__":
    print(json.dumps(measure(json.loads(sys.argv[1]))))
