"""The parts of a model add up to all of it."""

import torch

from hrmlab.budget.information import model_information
from hrmlab.core.task import TaskSpec
from hrmlab.layers.options import EmbeddingOptions, SegmentOptions
from hrmlab.models.hrm import HRM

TASK = TaskSpec(name="test", sequence_length=6, vocabulary_size=5)


def hrm(*, shared: bool) -> HRM:
    segments = SegmentOptions(max_segments=3)
    embedding = EmbeddingOptions(puzzle_embedding_size=16)
    return HRM(
        task=TASK,
        hidden_size=16,
        num_heads=2,
        mlp_width=24,
        embedding=embedding,
        segments=segments,
        h_layers=2,
        l_layers=2,
        shared_levels=shared,
    )


def test_parts_add_up_and_shared_ones_count_once() -> None:
    for shared in (False, True):
        model = hrm(shared=shared)
        found = model_information(model)
        assert sum(found.parts.values()) == found.parameters == sum(parameter.numel() for parameter in model.parameters())
        assert found.parts["token_head"] == 5 * 16
        assert found.parts["h_level"] == sum(parameter.numel() for parameter in model.h_level.parameters())
        assert ("l_level" in found.parts) is not shared
        assert found.non_embedding_parameters == found.parameters - 2 * 5 * 16 - 16
        assert found.flops.inference_example > 0
        assert "HRM: " in str(found)
        assert f"{found.parts['halting_head']:,}" in str(found)
    assert all(parameter.device.type == "cpu" and parameter.grad is None for parameter in model.parameters())
    assert torch.isfinite(model.token_head.weight).all()
