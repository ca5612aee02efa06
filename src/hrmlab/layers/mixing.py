"""Mixing positions without attention: an MLP over all positions of each channel (Tolstikhin et al. 2021, MLP-Mixer)."""

from torch import Tensor, nn

from hrmlab.layers.attention import AttentionContext
from hrmlab.layers.blocks import plain_rms_norm
from hrmlab.layers.swiglu import SwiGLU


def width_of_positions(positions: int, *, ratio: float) -> int:
    """Channels inside an MLP over so many positions: that many times as many, in multiples of 8."""
    return max(8, 8 * round(ratio * positions / 8))


class PositionMixerBlock(nn.Module):
    """HRM's post-norm block with SwiGLU over positions in the place of attention (TRM, Jolicoeur-Martineau 2025, section 4.5).

    The sum after mixing positions is normalised over positions, each channel by itself, as the release does.

    Args:
        positions: P + S; the block knows rows of this length only, and every position sees all others.
        hidden_size: channels D.
        mlp_width: channels inside the SwiGLU over channels.
        position_width: channels inside the SwiGLU over positions.
        norm_epsilon: added under the root of every normalisation.
        feed_forward: the class of both.
    """

    def __init__(
        self,
        *,
        positions: int,
        hidden_size: int,
        mlp_width: int,
        position_width: int,
        norm_epsilon: float,
        feed_forward: type[SwiGLU] = SwiGLU,
    ) -> None:
        super().__init__()
        self.position_mlp = feed_forward(hidden_size=positions, mlp_width=position_width)
        self.mlp = feed_forward(hidden_size=hidden_size, mlp_width=mlp_width)
        self.norm_epsilon = norm_epsilon

    def forward(self, hidden: Tensor, context: AttentionContext) -> Tensor:
        """(B, P + S, D) to (B, P + S, D); the context of attention has no part in it."""
        across = hidden.transpose(1, 2)
        hidden = plain_rms_norm(across + self.position_mlp(across), self.norm_epsilon).transpose(1, 2)
        return plain_rms_norm(hidden + self.mlp(hidden), self.norm_epsilon)


class PreNormMixerBlock(nn.Module):
    """The mixer's own block (Tolstikhin et al. 2021, section 2) with RMSNorm and SwiGLU in the place of LayerNorm and GELU.

    Args:
        positions: P + S.
        hidden_size: channels D.
        mlp_width: channels inside the SwiGLU over channels.
        position_width: channels inside the SwiGLU over positions.
        norm_epsilon: added under the root of every normalisation.
    """

    def __init__(self, *, positions: int, hidden_size: int, mlp_width: int, position_width: int, norm_epsilon: float) -> None:
        super().__init__()
        self.position_norm = nn.RMSNorm(hidden_size, eps=norm_epsilon)
        self.position_mlp = SwiGLU(hidden_size=positions, mlp_width=position_width)
        self.mlp_norm = nn.RMSNorm(hidden_size, eps=norm_epsilon)
        self.mlp = SwiGLU(hidden_size=hidden_size, mlp_width=mlp_width)

    def forward(self, hidden: Tensor, context: AttentionContext) -> Tensor:
        """(B, P + S, D) to (B, P + S, D); the context of attention has no part in it."""
        hidden = hidden + self.position_mlp(self.position_norm(hidden).transpose(1, 2)).transpose(1, 2)
        return hidden + self.mlp(self.mlp_norm(hidden))
