"""Multi-head self-attention, full or causal."""

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from hrmlab.layers.initialization import LecunLinear
from hrmlab.layers.rotary import rotate

_SHORT = 256


def attend(query: Tensor, key: Tensor, value: Tensor, *, causal: bool) -> Tensor:
    """softmax(Q K^T / sqrt(channels)) V, all (B, H, S, channels).

    torch's fused kernel, except in bf16 on the CPU for short sequences: there its backward pass was measured five times slower than the
    plain products (docs/benchmarks.md).
    """
    length = query.shape[-2]
    if query.device.type != "cpu" or query.dtype != torch.bfloat16 or length > _SHORT:
        return scaled_dot_product_attention(query, key, value, is_causal=causal)
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
    if causal:
        future = torch.ones(length, length, dtype=torch.bool).triu(1)
        scores = scores.masked_fill(future, float("-inf"))
    return scores.float().softmax(dim=-1).to(value.dtype) @ value


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

    def forward(self, hidden: Tensor, rotary: tuple[Tensor, Tensor] | None) -> Tensor:
        """(B, S, D) to (B, S, D)."""
        B, S, D = hidden.shape
        heads = self.query_key_value(hidden).view(B, S, 3 * self.num_heads, D // self.num_heads).transpose(1, 2)
        query_key, value = heads[:, : 2 * self.num_heads], heads[:, 2 * self.num_heads :]
        if rotary is not None:
            query_key = rotate(query_key, rotary)
        query, key = query_key.chunk(2, dim=1)
        attended = attend(query, key, value, causal=self.causal)
        return self.output(attended.transpose(1, 2).reshape(B, S, D))
