"""What a reasoner reads out of its final state: tokens and the halting scores."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from hrmlab.layers.initialization import LecunLinear

_INITIAL_Q_BIAS = -5.0


class TokenHead(LecunLinear):
    """Reads token scores out of a state: (..., D) to (..., V). Every head of this class counts as a head, whatever it is for."""


class HaltingHead(nn.Module):
    """Q-values of halting and, unless ``continues`` is false, of continuing.

    Weights start at zero and biases at -5, so that a new model neither halts nor expects reward (the HRM reference release). With full
    attention they are read at position 0, which sees the whole example. With causal attention position 0 would be blind and the last
    position would know the future of all others, so each token has its own: it sees the prefix that the token's own prediction sees.
    """

    def __init__(self, *, hidden_size: int, causal: bool, continues: bool = True) -> None:
        super().__init__()
        scores = 2 if continues else 1
        self.weight = nn.Parameter(torch.zeros(scores, hidden_size))
        self.bias = nn.Parameter(torch.full((scores,), _INITIAL_Q_BIAS))
        self.causal = causal

    def forward(self, hidden: Tensor, *, tokens: int) -> tuple[Tensor, Tensor | None]:
        """(B, P + S, D) to two float32 tensors q_halt and q_continue, (B,) each or, causal, (B, S); ``tokens`` is S."""
        read = hidden[:, -tokens:] if self.causal else hidden[:, 0]
        scores = linear(read, self.weight, self.bias).to(torch.float32)
        return scores[..., 0], scores[..., 1] if scores.shape[-1] > 1 else None
