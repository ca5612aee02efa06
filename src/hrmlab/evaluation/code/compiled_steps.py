"""Compiles what a reasoner computes for one new token of each row: for small models a step is a thousand operations of a few microseconds.

The unit is a stack, as in training. Prompts, and whatever attends without keys and values of earlier tokens, run as ever.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from hrmlab.layers.attention import AttentionContext
from hrmlab.layers.cache import KeyValueCache

_compiled: WeakKeyDictionary[nn.Module, dict[torch.dtype, Callable[..., Tensor]]] = WeakKeyDictionary()


@contextmanager
def compiled_steps(stacks: Sequence[nn.Module]) -> Iterator[None]:
    """While the context lasts, single tokens go through compiled stacks; what was compiled is kept with each of them.

    The capacity of a :class:`KeyValueCache` and the rows of a batch are shapes to the compiler: it compiles for the first number of rows,
    and once more for any other.

    Args:
        stacks: modules that get a state first, and an :class:`AttentionContext` among their arguments.
    """
    with ExitStack() as replaced:
        for stack in stacks:
            replaced.enter_context(_replaced(stack))
        yield


@contextmanager
def _replaced(stack: nn.Module) -> Iterator[None]:
    eager = stack.forward
    training = stack._compiled_call_impl  # of Module.compile, which knows the shapes of training
    stack.forward, stack._compiled_call_impl = _Step(stack, eager), None
    try:
        yield
    finally:
        del stack.forward  # the class's own shows again
        stack._compiled_call_impl = training


class _Step:
    """A stack's forward: compiled for a single token of each row, once its attentions have been counted; else as it is."""

    def __init__(self, stack: nn.Module, eager: Callable[..., Tensor]) -> None:
        self._stack, self._eager = stack, eager
        self._attentions = 0
        self._functions: dict[torch.dtype, Callable[..., Tensor]] = {}

    def __call__(self, *arguments: Any) -> Tensor:
        place = next((place for place, one in enumerate(arguments) if isinstance(one, AttentionContext)), None)
        context = None if place is None else arguments[place]
        if place is None or context is None or not isinstance(context.cache, KeyValueCache):
            return self._eager(*arguments)
        cache = context.cache
        if cache.in_first_step or cache.positions.shape[1] != 1:
            begin = cache.attentions
            hidden = self._eager(*arguments)
            self._attentions = cache.attentions - begin
            return hidden
        given = list(arguments)
        given[place] = context._replace(cache=cache.for_compiled(self._attentions), visible=cache.reached)
        return self._function(given[0])(*given)

    def _function(self, hidden: Tensor) -> Callable[..., Tensor]:
        if hidden.dtype not in self._functions:  # a computation in bf16 puts its own copies of the weights into the stack
            known = _compiled.setdefault(self._stack, {})
            if hidden.dtype not in known:
                known[hidden.dtype] = torch.compile(self._eager, options=_options(hidden.device))
            self._functions[hidden.dtype] = known[hidden.dtype]
        return self._functions[hidden.dtype]


def _options(device: torch.device) -> dict[str, Any]:
    """Of the compiler. What is looked up before every call, and the call itself, would take longer than a small stack's arithmetic."""
    # That a module is the one that was compiled need not be looked at: each has a function of its own, for each type of its weights.
    options: dict[str, Any] = {"guard_filter_fn": torch.compiler.skip_guard_on_all_nn_modules_unsafe}
    if device.type == "cpu":
        options["cpp_wrapper"] = True  # around the kernels, C++ in the place of Python
    return options
