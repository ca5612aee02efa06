"""The loss of one segment: answer plus halting scores (Wang et al. 2025, eq. for deep supervision with ACT; HRM release)."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from hrmlab.core.batches import Prediction
from hrmlab.core.task import IGNORED_LABEL
from hrmlab.layers.stablemax import log_stablemax

LossKind = Literal["stablemax", "softmax"]


class SegmentLoss(NamedTuple):
    """Sums over the batch; ``total = answer + 0.5 * (q_halt + q_continue)``."""

    total: Tensor
    answer: Tensor
    q_halt: Tensor
    q_continue: Tensor


def token_losses(logits: Tensor, labels: Tensor, kind: LossKind) -> Tensor:
    """(B, S) negative log-likelihoods, 0 where the label is ignored. Stablemax in float64, softmax in float32."""
    if kind == "softmax":
        return cross_entropy(logits.float().transpose(1, 2), labels, ignore_index=IGNORED_LABEL, reduction="none")
    asked = labels != IGNORED_LABEL
    log_probabilities = log_stablemax(logits).gather(-1, labels.clamp(min=0)[..., None])[..., 0]
    return torch.where(asked, -log_probabilities, 0.0)


def segment_loss(prediction: Prediction, labels: Tensor, *, exact: Tensor, target_q_continue: Tensor | None, kind: LossKind) -> SegmentLoss:
    """Loss of one segment, summed over the batch.

    Args:
        prediction: logits (B, S, V) and Q-values (B,).
        labels: (B, S) int64.
        exact: (B,) bool, whether each answer is all right: the target of q_halt.
        target_q_continue: (B,) bootstrapped target in (0, 1), or None when continuing is not learned.
        kind: the answer's loss.
    """
    asked = (labels != IGNORED_LABEL).sum(-1).clamp(min=1)
    # Mean over an example's asked cells, sum over examples: an example with few asked cells weighs as much as one with many.
    answer = (token_losses(prediction.logits, labels, kind).sum(-1) / asked).sum()
    q_halt = q_continue = answer.new_zeros(())
    if prediction.q_halt_logits is not None:
        q_halt = binary_cross_entropy_with_logits(prediction.q_halt_logits, exact.to(prediction.q_halt_logits.dtype), reduction="sum")
    if prediction.q_continue_logits is not None and target_q_continue is not None:
        q_continue = binary_cross_entropy_with_logits(prediction.q_continue_logits, target_q_continue, reduction="sum")
    return SegmentLoss(answer + 0.5 * (q_halt + q_continue), answer, q_halt, q_continue)
