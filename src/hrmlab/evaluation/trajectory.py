"""How answers move from segment to segment, beyond the segments of training as well."""

from typing import NamedTuple

import torch
from torch import Tensor

from hrmlab.core.batches import Batch
from hrmlab.core.task import IGNORED_LABEL
from hrmlab.evaluation.correctness import correctness
from hrmlab.evaluation.solve import SegmentCall


class Trajectory(NamedTuple):
    """What became of B answers over K segments.

    Attributes:
        exact: (K, B) bool, whether every asked token is right after each segment.
        changed: (K - 1, B) bool, whether an asked token is another one than after the segment before.
    """

    exact: Tensor
    changed: Tensor


@torch.no_grad()
def follow(call: SegmentCall, batch: Batch, *, segments: int) -> Trajectory:
    """Run ``segments`` segments, whatever the halting head says, and keep what happened to the answers; no answer is stored."""
    carry = call.initial_carry(len(batch.inputs))
    asked = batch.labels != IGNORED_LABEL
    exact, changed, before = [], [], None
    for _ in range(segments):
        carry, prediction = call(carry, batch)
        said = prediction.logits.argmax(-1)
        exact.append(correctness(said, batch.labels).exact)
        if before is not None:
            changed.append(((said != before) & asked).any(-1))
        before = said
    none = torch.zeros((0, len(batch.inputs)), dtype=torch.bool, device=batch.inputs.device)
    return Trajectory(torch.stack(exact), torch.stack(changed) if changed else none)
