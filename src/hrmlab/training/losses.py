"""The loss of one segment: answer, halting scores, and what the reasoner adds (Wang et al. 2025, deep supervision with ACT)."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

from hrmlab.config.schema import HaltingLoss, HaltingTarget
from hrmlab.core.batches import Prediction
from hrmlab.core.task import IGNORED_LABEL
from hrmlab.evaluation.correctness import correctness
from hrmlab.layers.likelihood import LossKind, smoothed, token_losses


@dataclass(frozen=True, kw_only=True)
class LossOptions:
    """What is learned.

    Attributes:
        kind: of the answer's loss.
        halting_weight: of the halting scores' losses, beside the answer's.
        halting_target: what q_halt learns: whether the answer is right (``exact``), or the share of it that is (``cells``).
        label_smoothing: probability that is spread over all tokens.
        halting_loss: between a halting score and its target: cross-entropy, or the squared error of the score's sigmoid.
    """

    kind: LossKind
    halting_weight: float = 0.5
    halting_target: HaltingTarget = "exact"
    label_smoothing: float = 0.0
    halting_loss: HaltingLoss = "cross_entropy"


def segment_loss(
    prediction: Prediction,
    answers: Tensor,
    labels: Tensor,
    *,
    target_q_continue: Tensor | None,
    options: LossOptions,
    weight: Tensor | None = None,
) -> tuple[Tensor, Mapping[str, Tensor]]:
    """Loss of one segment, summed over the batch, and its parts by name as they are before weighting.

    The target of q_halt is the whole example's, or in causal mode each asked token's.

    Args:
        prediction: logits (B, S, V), Q-values (B,) or (B, S), and further losses (B,), which are added as they are.
        answers: (B, S) int64, the most likely tokens.
        labels: (B, S) int64.
        target_q_continue: bootstrapped target in (0, 1), of the Q-values' shape, or None when continuing is not learned.
        weight: (B, S) of each position, 0 where nothing is asked, in causal mode; the reasoner's own losses of an example weigh as much as
            its positions together. None for a mean over each example's asked positions.

    Returns:
        () the total, and () each of ``answer``, ``q_halt``, ``q_continue`` (where they are learned) and the reasoner's own.
    """
    of_own_losses = 1.0 if weight is None else weight.sum(-1)
    if weight is None:
        asked = labels != IGNORED_LABEL
        # Mean over an example's asked cells, sum over examples: an example with few asked cells weighs as much as one with many.
        weight = asked / asked.sum(-1, keepdim=True).clamp(min=1)
    losses = token_losses(prediction.logits, labels, options.kind)
    if options.label_smoothing:
        losses = smoothed(losses, prediction.logits, labels, options.kind, options.label_smoothing)
    parts: dict[str, Tensor] = {"answer": (losses * weight).sum()}
    if prediction.q_halt_logits is not None:
        target = _halting_target(prediction.q_halt_logits, answers, labels, options.halting_target)
        parts["q_halt"] = _score_loss(prediction.q_halt_logits, target, weight, options.halting_loss)
    if prediction.q_continue_logits is not None and target_q_continue is not None:
        parts["q_continue"] = _score_loss(prediction.q_continue_logits, target_q_continue, weight, options.halting_loss)
    zero = parts["answer"].new_zeros(())
    total = parts["answer"] + options.halting_weight * (parts.get("q_halt", zero) + parts.get("q_continue", zero))
    for name, values in prediction.losses.items():
        parts[name] = (values * of_own_losses).sum()
        total = total + parts[name]
    return total, parts


def _halting_target(scores: Tensor, answers: Tensor, labels: Tensor, kind: HaltingTarget) -> Tensor:
    """What q_halt should have said, of its shape."""
    if scores.dim() == 2:
        return (answers == labels).to(scores.dtype)
    right = correctness(answers, labels)
    if kind == "exact":
        return right.exact.to(scores.dtype)
    return torch.where(right.cells > 0, right.cells_right / right.cells.clamp(min=1), 1.0).to(scores.dtype)


def _score_loss(scores: Tensor, target: Tensor, weight: Tensor, kind: HaltingLoss) -> Tensor:
    """() the scores' losses: a sum over examples, of a mean over their asked tokens where the scores belong to tokens."""
    if kind == "cross_entropy":
        losses = binary_cross_entropy_with_logits(scores, target, reduction="none")
    else:
        losses = mse_loss(torch.sigmoid(scores), target, reduction="none")
    return losses.sum() if losses.dim() == 1 else (losses * weight).sum()
