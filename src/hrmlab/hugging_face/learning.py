"""The loss of one segment while training: the project's own, its mean taken over labels as transformers takes it."""

from typing import Any

import torch
from torch import Tensor

from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.task import IGNORED_LABEL
from hrmlab.models.halting import continue_target
from hrmlab.models.reasoner import Reasoner
from hrmlab.training.losses import LossOptions, segment_loss


def learned(
    reasoner: Reasoner,
    carry: Carry,
    batch: Batch,
    prediction: Prediction,
    *,
    kind: Any,
    number: int,
    segments: int,
    items: Tensor | int | None,
) -> Tensor:
    """() this segment's part of the loss, which is a mean over segments and labels.

    Args:
        reasoner: what is trained.
        carry: after the segment.
        batch: labels shifted, so that each stands at the position that is asked for it.
        prediction: of the segment.
        kind: of the answer's loss.
        number: of the segment, from 1.
        segments: how many there are.
        items: labels in all.
    """
    target = None
    if prediction.q_continue_logits is not None and segments > 1:
        with torch.no_grad():
            done = torch.full_like(batch.inputs[:, 0], number)
            target = continue_target(done, *reasoner.look_ahead(carry, batch), max_segments=segments)
    weight = (batch.labels != IGNORED_LABEL) / (segments * (items or 1))
    total, _ = segment_loss(
        prediction,
        prediction.logits.argmax(-1),
        batch.labels,
        target_q_continue=target,
        options=LossOptions(kind=kind),
        weight=weight,
    )
    return total
