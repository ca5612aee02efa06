"""When an example stops, and what the continue score should have been (Wang et al. 2025, "Adaptive computational time").

In causal mode the scores belong to tokens: what a token's own score says depends on its prefix only. A training slot holds many tokens and
halts when all of them that are asked want to; an answer is read token by token, each from the segment at which it wanted to stop.
"""

import torch
from torch import Tensor

from hrmlab.core.batches import Prediction
from hrmlab.core.randomness import CounterRandom
from hrmlab.core.task import IGNORED_LABEL


def wants_to_halt(prediction: Prediction) -> Tensor | None:
    """Where the model would stop: bool, of the shape of its Q-values; None without them.

    With both scores, where stopping is worth more than going on; with q_halt alone, where it is likelier than not to be right. A threshold
    is asked for beside the first and in the place of the second.
    """
    q_halt, q_continue, threshold = prediction.q_halt_logits, prediction.q_continue_logits, prediction.halting_threshold
    if q_halt is None:
        return None
    if threshold is None:
        return q_halt > (0 if q_continue is None else q_continue)
    confident = torch.sigmoid(q_halt) > threshold
    return confident if q_continue is None else confident & (q_halt > q_continue)


def halting_margin(prediction: Prediction) -> Tensor | None:
    """By how much the score of stopping exceeds what :func:`wants_to_halt` compares it with, as a logit and of the Q-values' shape: above 0
    where the model would stop. Of two conditions the smaller margin. None without scores."""
    q_halt, q_continue, threshold = prediction.q_halt_logits, prediction.q_continue_logits, prediction.halting_threshold
    if q_halt is None:
        return None
    margin = q_halt if q_continue is None else q_halt - q_continue
    if threshold is None:
        return margin
    confident = q_halt - torch.logit(torch.as_tensor(threshold, dtype=torch.float32, device=q_halt.device), eps=1e-6)
    return confident if q_continue is None else torch.minimum(confident, margin)


def whole_example(flags: Tensor, labels: Tensor) -> Tensor:
    """(B,) bool from flags (B,) as they are or (B, S), which must hold at every asked position."""
    return flags if flags.dim() == 1 else (flags | (labels == IGNORED_LABEL)).all(dim=-1)


def decide_halting(
    wants: Tensor | None, segments: Tensor, *, max_segments: int, exploration: float, random: CounterRandom | None
) -> Tensor:
    """Which slots are done after this segment.

    Args:
        wants: (B,) bool, where the model would stop; None where it never decides, so that every slot takes all its segments.
        segments: (B,) segments each slot has had, this one included.
        max_segments: the cap.
        exploration: probability that a slot must take a minimum of 2..max_segments segments, uniformly drawn.
        random: draws for the exploration; None means none.

    Returns:
        (B,) bool.
    """
    capped = segments >= max_segments
    if wants is None or max_segments == 1:
        return capped
    if random is not None and exploration > 0:
        explores = random.uniform("explore", 1)[:, 0] < exploration
        minimum = torch.where(explores, 2 + random.integers("minimum segments", max_segments - 1)[:, 0], 0)
        wants = wants & (segments >= minimum)
    return wants | capped


def continue_target(segments: Tensor, next_q_halt: Tensor, next_q_continue: Tensor, *, max_segments: int) -> Tensor:
    """Bootstrapped target of q_continue: the best Q-value of the next segment, or its q_halt where that one would be the last.

    Args:
        segments: (B,) segments each slot has had.
        next_q_halt, next_q_continue: (B,) or (B, S).
    """
    last = (segments >= max_segments).view(-1, *[1] * (next_q_halt.dim() - 1))
    return torch.sigmoid(torch.where(last, next_q_halt, torch.maximum(next_q_halt, next_q_continue)))
