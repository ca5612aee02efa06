"""Stablemax (Prieto et al. 2025, Grokking at the edge of numerical stability): softmax with a piecewise rational s(x) in place of exp."""

import torch
from torch import Tensor


def log_stablemax(logits: Tensor) -> Tensor:
    """log(s(x_i) / sum_j s(x_j)) over the last dimension, with s(x) = x + 1 for x >= 0 and 1 / (1 - x) below; in float64."""
    logits = logits.double()
    # Clamped, because the branch not taken must not divide by zero either: at a logit of exactly 1 its gradient would be 0 * infinity.
    scores = torch.where(logits < 0, 1 / (1 - logits.clamp(max=0)), logits + 1)
    return scores.log() - scores.sum(dim=-1, keepdim=True).log()
