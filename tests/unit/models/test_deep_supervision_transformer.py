"""The control that leaves nothing but hierarchy to HRM: as many block passes, as many of them with gradient, the same blocks."""

import pytest
import torch
from torch import nn

from hrmlab.core.batches import Batch
from hrmlab.core.task import TaskSpec
from hrmlab.layers.blocks import PostNormBlock, PreNormBlock
from hrmlab.layers.options import EmbeddingOptions, SegmentOptions
from hrmlab.models.deep_supervision_transformer import DeepSupervisionTransformer
from hrmlab.models.hrm import HRM

TASK = TaskSpec(name="test", sequence_length=6, vocabulary_size=5)
SHARED = {"task": TASK, "hidden_size": 16, "num_heads": 2, "mlp_width": 24, "embedding": EmbeddingOptions(), "segments": SegmentOptions()}


def batch() -> Batch:
    tokens = torch.arange(12).view(2, 6) % 5
    return Batch(inputs=tokens, labels=tokens, puzzle_ids=torch.zeros(2, dtype=torch.int64))


def passes(model: nn.Module) -> tuple[int, int]:
    """Block passes of one segment: all of them, and those with gradient."""
    seen: list[bool] = []
    for module in model.modules():
        if isinstance(module, PostNormBlock | PreNormBlock):
            module.register_forward_hook(lambda _module, _inputs, output: seen.append(output.requires_grad))
    model(model.initial_carry(2), batch())  # type: ignore[operator]
    return len(seen), sum(seen)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_three_cycles_pass_as_many_blocks_as_hrm(depth: int) -> None:
    hrm = HRM(**SHARED, h_layers=depth, l_layers=depth)
    flat = DeepSupervisionTransformer(**SHARED, layers=2 * depth, cycles=3, norm="post")
    assert passes(flat) == passes(hrm) == (6 * depth, 2 * depth)
    assert sum(p.numel() for p in flat.parameters()) == sum(p.numel() for p in hrm.parameters())
    flat_full = DeepSupervisionTransformer(**SHARED, layers=2 * depth, cycles=3, norm="post", gradient="full")
    assert passes(flat_full) == (6 * depth, 6 * depth)


def test_a_cycle_is_the_segment_before_it_with_the_input_once_more() -> None:
    torch.manual_seed(0)
    once = DeepSupervisionTransformer(**SHARED, layers=2)
    torch.manual_seed(0)
    twice = DeepSupervisionTransformer(**SHARED, layers=2, cycles=2)
    carry, _ = once(once.initial_carry(2), batch())
    _, second = once(carry, batch())
    _, both = twice(twice.initial_carry(2), batch())
    torch.testing.assert_close(both.logits, second.logits)


def test_evaluation_leaves_gradients_off() -> None:
    model = DeepSupervisionTransformer(**SHARED, layers=2, cycles=2, gradient="full")
    with torch.no_grad():
        _, prediction = model(model.initial_carry(2), batch())
    assert not prediction.logits.requires_grad
