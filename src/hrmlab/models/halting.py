"""When an example stops, and what the continue score should have been (Wang et al. 2025, "Adaptive computational time")."""

import torch
from torch import Tensor

from hrmlab.core.batches import Prediction
from hrmlab.core.streams import CounterRandom


def decide_halting(
    prediction: Prediction, segments: Tensor, *, max_segments: int, exploration: float, random: CounterRandom | None
) -> Tensor:
    """Which slots are done after this segment.

    Args:
        prediction: its Q-values (B,) decide; without Q-values every slot takes all its segments.
        segments: (B,) segments each slot has had, this one included.
        max_segments: the cap.
        exploration: probability that a slot must take a minimum of 2..max_segments segments, uniformly drawn.
        random: draws for the exploration; None means none.

    Returns:
        (B,) bool.
    """
    capped = segments >= max_segments
    if prediction.q_halt_logits is None or prediction.q_continue_logits is None or max_segments == 1:
        return capped
    halted = prediction.q_halt_logits > prediction.q_continue_logits
    if random is not None and exploration > 0:
        explores = random.uniform("explore", 1)[:, 0] < exploration
        minimum = torch.where(explores, 2 + random.integers("minimum segments", max_segments - 1)[:, 0], 0)
        halted = halted & (segments >= minimum)
    return halted | capped


def continue_target(segments: Tensor, next_q_halt: Tensor, next_q_continue: Tensor, *, max_segments: int) -> Tensor:
    """(B,) bootstrapped target of q_continue: the best Q-value of the next segment, or its q_halt where that one would be the last."""
    best = torch.where(segments >= max_segments, next_q_halt, torch.maximum(next_q_halt, next_q_continue))
    return torch.sigmoid(best)
