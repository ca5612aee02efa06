"""Parameters and floating-point operations of a reasoner, counted on the meta device: no memory, no arithmetic."""

from typing import NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

from hrmlab.core.batches import Batch, Prediction
from hrmlab.models.reasoner import Reasoner


def parameter_count(reasoner: Reasoner) -> int:
    """All parameters; a shared one counts once."""
    return sum(parameter.numel() for parameter in reasoner.parameters())


def non_embedding_count(reasoner: Reasoner) -> int:
    """Parameters without the embedding tables and token heads that the reasoner names, whose size the vocabulary and the data decide."""
    outside = {id(parameter) for module in reasoner.embeddings_and_heads() for parameter in module.parameters()}
    return sum(parameter.numel() for parameter in reasoner.parameters() if id(parameter) not in outside)


class Flops(NamedTuple):
    """Floating-point operations (a multiply-add is two) of one example.

    Attributes:
        training_segment: forward, backward and the look-ahead of the bootstrapped halting target, one segment.
        training_example: the same for all ``max_segments`` segments: what an example costs that never halts early.
        inference_example: forward passes of all segments.
    """

    training_segment: int
    training_example: int
    inference_example: int


def _total(prediction: Prediction) -> torch.Tensor:
    parts = (prediction.logits, prediction.q_halt_logits, prediction.q_continue_logits, *prediction.losses.values())
    return torch.stack([part.float().sum() for part in parts if part is not None]).sum()


def count_flops(reasoner: Reasoner) -> Flops:
    """Count with torch's FLOP counter: matrix products and attention; normalisations and activations are not counted.

    Args:
        reasoner: on the meta device.
    """
    length = reasoner.task.sequence_length
    tokens = torch.zeros((1, length), dtype=torch.int64, device="meta")
    batch = Batch(inputs=tokens, labels=tokens, puzzle_ids=torch.zeros(1, dtype=torch.int64, device="meta"))
    carry = reasoner.initial_carry(1)
    with FlopCounterMode(display=False) as training:
        carry, prediction = reasoner(carry, batch)
        _total(prediction).backward()
        if reasoner.continues and reasoner.max_segments > 1:
            with torch.no_grad():
                reasoner.look_ahead(carry, batch)
    with FlopCounterMode(display=False) as inference, torch.no_grad():
        reasoner(carry, batch)
    segments = reasoner.max_segments
    return Flops(training.get_total_flops(), training.get_total_flops() * segments, inference.get_total_flops() * segments)
