"""SwiGLU feed-forward network (Shazeer 2020, GLU variants improve transformer)."""

import torch
from torch import Tensor, nn
from torch.nn.functional import rms_norm, silu

from hrmlab.layers.initialization import LecunLinear


class SwiGLU(nn.Module):
    """``down(silu(gate(x)) * up(x))`` with gate and up fused in one matrix.

    Args:
        hidden_size: channels in and out.
        mlp_width: channels between.
    """

    def __init__(self, *, hidden_size: int, mlp_width: int) -> None:
        super().__init__()
        self.gate_up = LecunLinear(hidden_size, 2 * mlp_width)
        self.down = LecunLinear(mlp_width, hidden_size)

    def forward(self, hidden: Tensor) -> Tensor:
        gate, up = self.gate_up(hidden).chunk(2, dim=-1)
        return self.down(silu(gate) * up)


class NormalisedSwiGLU(SwiGLU):
    """``down(sigmoid(gate(x)) * RMSNorm(gate(x) * up(x)))``: of SwiGLU's three factors the two without bound are normalised, without a
    learned gain, so that Muon's orthogonal updates meet values of one size (Dillon 2026, arXiv 2601.19085, "Modified SwiGLU").

    Args:
        norm_epsilon: added under the root.
    """

    def __init__(self, *, hidden_size: int, mlp_width: int, norm_epsilon: float = 1e-5) -> None:
        super().__init__(hidden_size=hidden_size, mlp_width=mlp_width)
        self.norm_epsilon = norm_epsilon

    def forward(self, hidden: Tensor) -> Tensor:
        gate, up = self.gate_up(hidden).chunk(2, dim=-1)
        product = (gate * up).float()
        bounded = rms_norm(product, product.shape[-1:], eps=self.norm_epsilon).to(hidden.dtype)
        return self.down(torch.sigmoid(gate) * bounded)
