"""Multi-head attention to itself or to another state: full or causal, within documents, with or without a cache of keys and values."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from hrmlab.layers.cache import AttentionMemory, CompiledMemories
from hrmlab.layers.initialization import LecunLinear
from hrmlab.layers.rotary import rotate

_SHORT_BF16 = 256
_SHORT_COMPILED = 64
"""The most keys, on the CPU, for which plain products are faster than the fused kernel: in bf16, and compiled in other precisions."""
_watching: list[Tensor] | None = None
_plain = False


class AttentionContext(NamedTuple):
    """What attention needs to know beside the hidden states; one for all blocks of a segment.

    Attributes:
        rotary: cosines and sines, broadcastable over (B, heads, S, head_size / 2); None without rotary positions.
        visible: (B, 1, S, K) bool, the keys that each position may see; None for all (or, in causal attention, all up to itself).
        cache: keys and values of earlier positions; None outside of generation.
        positions: (S,) int64 for all rows alike, or (B, S): where each position stands in its row, the puzzle prefix counted.
    """

    rotary: tuple[Tensor, Tensor] | None = None
    visible: Tensor | None = None
    cache: AttentionMemory | CompiledMemories | None = None
    positions: Tensor | None = None


def attend(query: Tensor, key: Tensor, value: Tensor, *, causal: bool, visible: Tensor | None = None) -> Tensor:
    """softmax(Q K^T / sqrt(channels)) V; query (B, H, S, channels), key and value (B, H, K, channels).

    torch's fused kernel, except on the CPU for short sequences: in bf16 its backward pass was measured five times slower than the plain
    products, and compiled ones are fused with what stands around them (docs/benchmarks.md). ``visible`` replaces the causal mask where
    it is given; without it, fewer queries than keys are taken to stand after all of them.
    """
    if _watching is not None or _plain:
        weights = attention_weights(query, key, causal=causal, visible=visible)
        if _watching is not None:
            _watching.append(weights if _plain else weights.detach())
        if _plain:
            return weights.to(value.dtype) @ value
    length = key.shape[-2]
    if query.shape[-2] == 1 and torch.compiler.is_compiling():
        return _one_query(query, key, value, visible=visible)
    if _plain_is_faster(query, length):
        return attention_weights(query, key, causal=causal, visible=visible).to(value.dtype) @ value
    causal = causal and query.shape[-2] == length  # a single query after all keys may see them all
    return scaled_dot_product_attention(query, key, value, attn_mask=visible, is_causal=causal and visible is None)


def _plain_is_faster(query: Tensor, length: int) -> bool:
    if query.device.type != "cpu":
        return False
    if query.dtype == torch.bfloat16:
        return length <= _SHORT_BF16
    return length <= _SHORT_COMPILED and torch.compiler.is_compiling() and not torch.compiler.is_exporting()


def _one_query(query: Tensor, key: Tensor, value: Tensor, *, visible: Tensor | None) -> Tensor:
    """Attention of a single position, (B, H, 1, channels), as sums of products: the compiler makes one loop of them and what stands around
    them, where a fused kernel would be called from outside for very little arithmetic."""
    scores = (query.float() * query.shape[-1] ** -0.5 * key).sum(dim=-1, keepdim=True)
    if visible is not None:
        scores = scores.masked_fill(~visible.transpose(-1, -2), float("-inf"))
    return (scores.softmax(dim=-2) * value).sum(dim=-2, keepdim=True).to(value.dtype)


def attention_weights(query: Tensor, key: Tensor, *, causal: bool, visible: Tensor | None = None) -> Tensor:
    """softmax(Q K^T / sqrt(channels)), (B, H, S, K) float32: how much of each key's value a position takes; see :func:`attend`."""
    length = key.shape[-2]
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
    if visible is None and causal and query.shape[-2] == length:
        visible = torch.ones(length, length, dtype=torch.bool, device=query.device).tril()
    if visible is not None:
        scores = scores.masked_fill(~visible, float("-inf"))
    return scores.float().softmax(dim=-1)


@contextmanager
def attention_watched() -> Iterator[list[Tensor]]:
    """The weights (B, H, S, K) of every call of :func:`attend`, in order, while the context lasts; of compiled ones nothing is seen."""
    global _watching
    before, _watching = _watching, []
    try:
        yield _watching
    finally:
        _watching = before


@contextmanager
def plain_attention() -> Iterator[None]:
    """Attention as the plain products of weights and values while the context lasts: watched weights then are those that answers came from,
    and gradients reach them."""
    global _plain
    before, _plain = _plain, True
    try:
        yield
    finally:
        _plain = before


class SelfAttention(nn.Module):
    """Every position attends to all (or, ``causal``, to itself and those before it).

    Args:
        hidden_size: channels D.
        num_heads: heads; D is divided among them.
        causal: hide the future.
    """

    def __init__(self, *, hidden_size: int, num_heads: int, causal: bool) -> None:
        super().__init__()
        self.num_heads, self.causal = num_heads, causal
        self.query_key_value = LecunLinear(hidden_size, 3 * hidden_size)
        self.output = LecunLinear(hidden_size, hidden_size)

    def forward(self, hidden: Tensor, context: AttentionContext) -> Tensor:
        """(B, S, D) to (B, S, D)."""
        B, S, D = hidden.shape
        heads = self.query_key_value(hidden).view(B, S, 3 * self.num_heads, D // self.num_heads).transpose(1, 2)
        query_key, value = heads[:, : 2 * self.num_heads], heads[:, 2 * self.num_heads :]
        if context.rotary is not None:
            query_key = rotate(query_key, context.rotary)
        query, key = query_key.chunk(2, dim=1)
        if context.cache is not None:
            key, value = context.cache.extend(key, value)
        attended = attend(query, key, value, causal=self.causal, visible=context.visible)
        return self.output(attended.transpose(1, 2).reshape(B, S, D))


class CrossAttention(nn.Module):
    """Every position of one state attends to all positions of another of the same length (or, ``causal``, to those up to its own).

    Args:
        hidden_size: channels D of both.
        num_heads: heads; D is divided among them.
        causal: hide the future.
    """

    def __init__(self, *, hidden_size: int, num_heads: int, causal: bool) -> None:
        super().__init__()
        self.num_heads, self.causal = num_heads, causal
        self.query = LecunLinear(hidden_size, hidden_size)
        self.key_value = LecunLinear(hidden_size, 2 * hidden_size)
        self.output = LecunLinear(hidden_size, hidden_size)

    def forward(self, hidden: Tensor, source: Tensor, context: AttentionContext) -> Tensor:
        """(B, S, D) from ``hidden``, which asks, and ``source``, which is looked at, both (B, S, D)."""
        B, S, D = hidden.shape
        query = self.query(hidden).view(B, S, self.num_heads, -1).transpose(1, 2)
        key, value = self.key_value(source).view(B, S, 2 * self.num_heads, -1).transpose(1, 2).chunk(2, dim=1)
        if context.rotary is not None:
            query, key = rotate(query, context.rotary), rotate(key, context.rotary)
        if context.cache is not None:
            key, value = context.cache.extend(key, value)
        attended = attend(query, key, value, causal=self.causal, visible=context.visible)
        return self.output(attended.transpose(1, 2).reshape(B, S, D))
