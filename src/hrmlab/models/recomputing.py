"""Gradient checkpointing: the activations of blocks are computed again in the backward pass instead of being kept (Chen et al. 2016,
arXiv 1604.06174). No arm is named: what is computed again are the blocks inside a reasoner's ``stacks()``."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.func import functional_call
from torch.utils.checkpoint import checkpoint

from hrmlab.models.reasoner import Reasoner


def recompute_blocks(reasoner: Reasoner) -> None:
    """From now on the reasoner keeps of each block its inputs alone; numbers and names stay, and without gradient nothing changes."""
    for block in blocks_of(reasoner):
        if not isinstance(block.forward, _Recomputed):
            block.forward = _Recomputed(block, block.forward)  # type: ignore[method-assign]


def keep_blocks(reasoner: Reasoner) -> None:
    """The opposite of :func:`recompute_blocks`: from now on all activations are kept."""
    for block in blocks_of(reasoner):
        if isinstance(block.forward, _Recomputed):
            block.forward = block.forward.forward  # type: ignore[method-assign]


def blocks_of(reasoner: Reasoner) -> list[nn.Module]:
    """What is computed again as one: the items of the outermost ``nn.ModuleList`` in each stack, or the stack where it has none."""
    return [block for stack in reasoner.stacks() for block in (list(_listed(stack)) or [stack])]


def _listed(module: nn.Module) -> Iterator[nn.Module]:
    for child in module.children():
        if isinstance(child, nn.ModuleList):
            yield from child
        else:
            yield from _listed(child)


class _Recomputed:
    """The forward of a block, run again in the backward pass; an object, so that a deep copy of the block calls its own."""

    def __init__(self, block: nn.Module, forward: Callable[..., Any]) -> None:
        self.block, self.forward = block, forward

    def __call__(self, *arguments: Any) -> Any:
        if not torch.is_grad_enabled():
            return self.forward(*arguments)
        # In bf16 the weights are copies that stand in the module during the forward pass alone: the second pass must have the same.
        weights: dict[str, Any] = {f"block.{name}": weight for name, weight in self.block.named_parameters()}
        call = _Call(self.block, self.forward)
        return checkpoint(lambda *given: functional_call(call, weights, given), *arguments, use_reentrant=False)


class _Call(nn.Module):
    """Makes a block's own forward callable as a module's, which is what ``functional_call`` needs."""

    def __init__(self, block: nn.Module, forward: Callable[..., Any]) -> None:
        super().__init__()
        self.block, self.own = block, forward

    def forward(self, *arguments: Any) -> Any:
        return self.own(*arguments)
