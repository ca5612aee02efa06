"""A counter of operations on meta tensors that asks PyTorch once for each kind of operation.

PyTorch works out in Python what an operation on the meta device gives and what it costs, in about a millisecond, and a recurrent model asks
for the same thousands of times. What an operation costs is told by the formulas of :mod:`torch.utils.flop_counter`.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

_Description = tuple[torch.Size, tuple[int, ...], torch.dtype] | None
"""Shape, strides and type of a tensor; None where a result is None."""


class _Known(NamedTuple):
    """Of an operation: what it costs, and what it gives: its first argument, one new tensor, or a tuple of such."""

    flops: int
    gives: Literal["first", "one", "tuple"]
    results: tuple[_Description, ...]


class FlopCounter(TorchDispatchMode):
    """Counts what is computed on meta tensors; use as a context.

    Args:
        known: of a counter before this one; None: nothing.

    Attributes:
        total: floating-point operations so far, a multiply-add being two.
        known: what it has learned, for a counter after this one.
    """

    def __init__(self, known: dict[Any, _Known] | None = None) -> None:
        super().__init__()
        self.total = 0
        self.known: dict[Any, _Known] = {} if known is None else known

    def __torch_dispatch__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        kwargs = kwargs or {}
        if _consists_of_others(func):
            with self:
                return func.decompose(*args, **kwargs)
        key = (func, _key(args), _key(kwargs)) if _can_be_known(func) else None
        if key is not None and (known := self.known.get(key)) is not None:
            self.total += known.flops
            return args[0] if known.gives == "first" else _made(known)
        result = func(*args, **kwargs)
        formula = flop_registry.get(getattr(func, "overloadpacket", None))
        flops = 0 if formula is None else formula(*args, **kwargs, out_val=result)
        self.total += flops
        if key is not None and (described := _described(result)) is not None:
            if not _changes_the_first(func):
                self.known[key] = _Known(flops, "tuple" if isinstance(result, tuple) else "one", described)
            elif key[1] == _key(args):  # of the shape that it had before
                self.known[key] = _Known(flops, "first", ())
        return result


@cache
def _consists_of_others(func: Any) -> bool:
    return isinstance(func, OpOverload) and torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd")


@cache
def _can_be_known(func: Any) -> bool:
    """Whether an operation gives new tensors, or changes its first argument and nothing else; views are left to PyTorch."""
    if not isinstance(func, OpOverload):
        return False
    schema = func._schema
    kinds = {str(value.type) for value in schema.returns}
    new = all(value.alias_info is None for value in (*schema.arguments, *schema.returns))
    return (new and kinds <= {"Tensor", "Optional[Tensor]"}) or _changes_the_first(func)


@cache
def _changes_the_first(func: OpOverload) -> bool:
    written = [value.alias_info is not None and value.alias_info.is_write for value in func._schema.arguments]
    return len(func._schema.returns) == 1 and written[:1] == [True] and not any(written[1:])


def _described(result: Any) -> tuple[_Description, ...] | None:
    """What makes meta tensors like these; None for what cannot be made so."""
    parts = result if isinstance(result, tuple) else (result,)
    if any(part is not None and not (part.is_meta and part.layout == torch.strided) for part in parts):
        return None
    return tuple(None if part is None else (part.shape, part.stride(), part.dtype) for part in parts)


def _made(known: _Known) -> Any:
    made = [None if one is None else torch.empty_strided(one[0], one[1], dtype=one[2], device="meta") for one in known.results]
    return made[0] if known.gives == "one" else tuple(made)


def _key(value: Any) -> Any:
    """What an operation depends on, hashable."""
    if isinstance(value, Tensor):
        return value.shape, value.stride(), value.dtype, value.device, value.layout
    if isinstance(value, list | tuple):
        return tuple([_key(one) for one in value])
    if isinstance(value, dict):
        return tuple([(name, _key(one)) for name, one in value.items()])
    return type(value), value
