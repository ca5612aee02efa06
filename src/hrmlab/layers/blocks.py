"""Transformer blocks (post-norm as in HRM, pre-norm as in today's plain transformers) and stacks of them."""

from typing import Literal

from torch import Tensor, nn
from torch.nn.functional import rms_norm

from hrmlab.layers.attention import AttentionContext, SelfAttention
from hrmlab.layers.swiglu import SwiGLU


def plain_rms_norm(hidden: Tensor, epsilon: float) -> Tensor:
    """Root-mean-square normalisation over channels without a learned gain, computed in float32 (Zhang and Sennrich 2019)."""
    return rms_norm(hidden.float(), hidden.shape[-1:], eps=epsilon).to(hidden.dtype)


class PostNormBlock(nn.Module):
    """HRM's block: normalise after each residual sum, no gain, no bias (Wang et al. 2025, section "Architecture")."""

    def __init__(self, *, hidden_size: int, num_heads: int, mlp_width: int, causal: bool, norm_epsilon: float) -> None:
        super().__init__()
        self.attention = SelfAttention(hidden_size=hidden_size, num_heads=num_heads, causal=causal)
        self.mlp = SwiGLU(hidden_size=hidden_size, mlp_width=mlp_width)
        self.norm_epsilon = norm_epsilon

    def forward(self, hidden: Tensor, context: AttentionContext) -> Tensor:
        hidden = plain_rms_norm(hidden + self.attention(hidden, context), self.norm_epsilon)
        return plain_rms_norm(hidden + self.mlp(hidden), self.norm_epsilon)


class PreNormBlock(nn.Module):
    """The usual pre-norm block with learned gains (Xiong et al. 2020)."""

    def __init__(self, *, hidden_size: int, num_heads: int, mlp_width: int, causal: bool, norm_epsilon: float) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(hidden_size, eps=norm_epsilon)
        self.attention = SelfAttention(hidden_size=hidden_size, num_heads=num_heads, causal=causal)
        self.mlp_norm = nn.RMSNorm(hidden_size, eps=norm_epsilon)
        self.mlp = SwiGLU(hidden_size=hidden_size, mlp_width=mlp_width)

    def forward(self, hidden: Tensor, context: AttentionContext) -> Tensor:
        hidden = hidden + self.attention(self.attention_norm(hidden), context)
        return hidden + self.mlp(self.mlp_norm(hidden))


class Stack(nn.Module):
    """Blocks applied one after the other to ``state + injection``. The unit that ``torch.compile`` is applied to."""

    def __init__(self, blocks: list[nn.Module]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(self, state: Tensor, injection: Tensor, context: AttentionContext) -> Tensor:
        """All (B, S, D)."""
        hidden = state + injection
        for block in self.blocks:
            hidden = block(hidden, context)
        return hidden


def stack_of(
    layers: int,
    *,
    norm: Literal["pre", "post"],
    hidden_size: int,
    num_heads: int,
    mlp_width: int,
    causal: bool,
    norm_epsilon: float,
) -> Stack:
    """A stack of equal blocks: the body of every flat transformer, and of each level of HRM."""
    block = PreNormBlock if norm == "pre" else PostNormBlock
    return Stack(
        [
            block(hidden_size=hidden_size, num_heads=num_heads, mlp_width=mlp_width, causal=causal, norm_epsilon=norm_epsilon)
            for _ in range(layers)
        ]
    )
