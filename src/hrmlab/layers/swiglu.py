"""SwiGLU feed-forward network (Shazeer 2020, GLU variants improve transformer)."""

from torch import Tensor, nn
from torch.nn.functional import silu

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
