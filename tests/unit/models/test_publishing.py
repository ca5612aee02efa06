"""A reasoner in a release's form is the same function under the release's names."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
import torch

from hrmlab.core.batches import Batch
from hrmlab.core.errors import UserError
from hrmlab.core.task import TaskSpec
from hrmlab.layers.options import EmbeddingOptions, SegmentOptions
from hrmlab.models.hrm import HRM
from hrmlab.models.published import load_published
from hrmlab.models.publishing import published_form
from hrmlab.models.transformer import Transformer
from hrmlab.models.trm import TRM, MixerTRM

TASK = TaskSpec(name="test", sequence_length=6, vocabulary_size=5, puzzle_ids=3)
BATCH = Batch(torch.arange(12).view(2, 6) % 5, torch.zeros(2, 6, dtype=torch.int64), torch.tensor([0, 2]))


def hrm(
    *,
    mlp_width: int = 24,
    positions: Any = "rope",
    puzzle: int = 20,
    halting: bool = True,
    task: TaskSpec = TASK,
    moves: Mapping[str, float] = MappingProxyType({}),
    **options: Any,
) -> HRM:
    torch.manual_seed(3)
    embedding = EmbeddingOptions(positions=positions, puzzle_embedding_size=puzzle, rope_theta=500.0)
    segments = SegmentOptions(max_segments=3, halting=halting, **moves)
    model = HRM(
        task=task,
        hidden_size=16,
        num_heads=2,
        mlp_width=mlp_width,
        embedding=embedding,
        segments=segments,
        h_layers=1,
        l_layers=2,
        **options,
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model.eval()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mlp_width": 256},
        {"mlp_width": 300, "positions": "learned"},
        {"puzzle": 0, "positions": "none", "h_cycles": 3},
        {"shared_levels": True, "norm_epsilon": 1e-3},
        {"halting": False},
        {"moves": {"random_start": 1.0, "state_noise": 0.1}},
    ],
)
@torch.no_grad()
def test_a_release_reads_back_as_the_same_function(options: dict[str, Any]) -> None:
    model = hrm(**options)
    form = published_form(model)
    # In float64: sums over more units are ordered differently, and recurrence makes float32's rounding of them grow.
    again, model = load_published(form.kind, form.config, form.tensors).eval().double(), model.double()
    carry, other = model.initial_carry(2), again.initial_carry(2)
    for _ in range(3):
        carry, one = model(carry, BATCH)
        other, two = again(other, BATCH)
        torch.testing.assert_close(two.logits, one.logits, atol=1e-5, rtol=1e-5)
        if one.q_halt_logits is None:
            assert two.q_halt_logits is not None
            assert two.q_continue_logits is not None
            assert bool((two.q_halt_logits <= two.q_continue_logits).all())  # it never stops by itself
        else:
            torch.testing.assert_close(two.q_halt_logits, one.q_halt_logits, atol=1e-5, rtol=1e-5)
    assert (again.max_segments, again.exploration) == (3, 0.1)
    assert len(form.notes) == (model.arguments["mlp_width"] % 256 != 0) + (not model.halts) + ("shared_levels" in options)
    if model.arguments["mlp_width"] % 256 == 0 and model.halts:
        for name, tensor in model.state_dict().items():
            assert torch.equal(again.state_dict()[name], tensor)


TRM_OPTIONS: tuple[dict[str, Any], ...] = ({}, {"continues": True}, {"puzzle_positions": 3, "mlp_width": 300}, {"halting": False})


@pytest.mark.parametrize(
    ("kind", "options"),
    [*((kind, options) for kind in (TRM, MixerTRM) for options in TRM_OPTIONS), (MixerTRM, {"position_width": 600})],
)
@torch.no_grad()
def test_a_trm_reads_back_as_the_same_function(kind: type[TRM] | type[MixerTRM], options: dict[str, Any]) -> None:
    torch.manual_seed(4)
    options = dict(options)
    segments = SegmentOptions(max_segments=2, halting=options.pop("halting", True))
    embedding = EmbeddingOptions(puzzle_embedding_size=20)
    shape = {"hidden_size": 16, "num_heads": 2, "mlp_width": 24, "layers": 1, "l_cycles": 2, **options}
    model = kind(task=TASK, embedding=embedding, segments=segments, **shape)
    for parameter in model.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.1)
    form = published_form(model)
    again, model = load_published(form.kind, form.config, form.tensors).eval().double(), model.eval().double()
    carry, other = model.initial_carry(2), again.initial_carry(2)
    for _ in range(2):
        (carry, one), (other, two) = model(carry, BATCH), again(other, BATCH)
        torch.testing.assert_close(two.logits, one.logits, atol=1e-5, rtol=1e-5)
        if one.q_halt_logits is not None:
            torch.testing.assert_close(two.q_halt_logits, one.q_halt_logits, atol=1e-5, rtol=1e-5)
        else:
            assert two.q_halt_logits is not None
            assert bool((two.q_halt_logits <= 0).all())
        assert (two.q_continue_logits is None) == (not model.arguments.get("continues", False))


def test_what_has_no_published_form_is_refused() -> None:
    flat = Transformer(task=TASK, hidden_size=16, num_heads=2, mlp_width=24, embedding=EmbeddingOptions(), layers=1)
    with pytest.raises(UserError, match="Transformer is of no published family"):
        published_form(flat)
    causal = TaskSpec(name="test", sequence_length=6, vocabulary_size=5, attention="causal")
    with pytest.raises(UserError, match="causal"):
        published_form(hrm(task=causal, puzzle=0))


@pytest.mark.parametrize("moves", [{"damping": 0.05}, {"random_start": 0.5}])
def test_states_that_move_or_start_otherwise_have_no_published_form(moves: dict[str, float]) -> None:
    with pytest.raises(UserError, match=r"model\.damping=0.* and model\.random_start=0.* have no published form"):
        published_form(hrm(moves=moves))
