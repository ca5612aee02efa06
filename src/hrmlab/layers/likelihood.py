"""Negative log-likelihoods of tokens under the two ways in which logits are turned into probabilities."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, log_softmax

from hrmlab.core.task import IGNORED_LABEL
from hrmlab.layers.stablemax import log_stablemax

LossKind = Literal["stablemax", "softmax"]


def token_losses(logits: Tensor, labels: Tensor, kind: LossKind) -> Tensor:
    """(B, S) negative log-likelihoods in nats of labels (B, S), 0 where ignored. Stablemax in float64, softmax in float32."""
    if kind == "softmax":
        return cross_entropy(logits.float().transpose(1, 2), labels, ignore_index=IGNORED_LABEL, reduction="none")
    asked = labels != IGNORED_LABEL
    log_probabilities_of_labels = log_stablemax(logits).gather(-1, labels.clamp(min=0)[..., None])[..., 0]
    return torch.where(asked, -log_probabilities_of_labels, 0.0)


def smoothed(losses: Tensor, logits: Tensor, labels: Tensor, kind: LossKind, smoothing: float) -> Tensor:
    """Label smoothing (Szegedy et al. 2016): (B, S) losses against labels of which ``smoothing`` is spread evenly over all V tokens."""
    spread = torch.where(labels != IGNORED_LABEL, -log_probabilities(logits, kind).mean(dim=-1), 0.0)
    return (1 - smoothing) * losses + smoothing * spread


def log_probabilities(logits: Tensor, kind: LossKind) -> Tensor:
    """log p of every token, (..., V): what the model was trained to say, whichever loss it was trained with."""
    return log_softmax(logits.float(), dim=-1) if kind == "softmax" else log_stablemax(logits)
