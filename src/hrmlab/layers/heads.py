"""What a reasoner reads out of its final state: tokens and the halting scores."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

_INITIAL_Q_BIAS = -5.0


class HaltingHead(nn.Module):
    """Q-values of halting and of continuing, read at one position.

    Weights start at zero and biases at -5, so that a new model neither halts nor expects reward (the HRM reference release). With full
    attention it reads position 0; with causal attention position 0 would be blind, so it reads the last position, which sees all.
    """

    def __init__(self, *, hidden_size: int, causal: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2, hidden_size))
        self.bias = nn.Parameter(torch.full((2,), _INITIAL_Q_BIAS))
        self.position = -1 if causal else 0

    def forward(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """(B, P + S, D) to two (B,) float32 tensors: q_halt and q_continue."""
        scores = linear(hidden[:, self.position], self.weight, self.bias).to(torch.float32)
        return scores[:, 0], scores[:, 1]
