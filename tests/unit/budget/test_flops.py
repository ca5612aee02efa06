"""FLOPs: torch's counter against a closed form."""

from typing import Any

import pytest
import torch

from hrmlab.budget.count import count_flops, non_embedding_count, parameter_count
from hrmlab.budget.solver import build_reasoner
from hrmlab.core.components import call
from hrmlab.core.errors import UserError
from hrmlab.core.task import TaskSpec
from hrmlab.models.deep_supervision_transformer import DeepSupervisionTransformer
from hrmlab.models.hrm import HRM
from hrmlab.models.transformer import Transformer

D, HEADS, M, S, V = 32, 4, 48, 10, 7
TASK = TaskSpec(name="test", sequence_length=S, vocabulary_size=V)
SHAPE = {"task": TASK, "hidden_size": D, "num_heads": HEADS, "mlp_width": M}
BLOCK = 2 * S * (3 * D * D + D * D + 3 * D * M) + 2 * 2 * S * S * D
"""One block forward: projections and MLP (two operations per weight and position), then scores and weighted sum of attention."""
HEAD, HALTING = 2 * S * D * V, 2 * D * 2


@pytest.mark.parametrize(("h_layers", "l_layers", "h_cycles", "l_cycles"), [(2, 2, 2, 2), (1, 3, 3, 1), (2, 1, 1, 4)])
def test_hrm(h_layers: int, l_layers: int, h_cycles: int, l_cycles: int) -> None:
    with torch.device("meta"):
        model = call(HRM, **SHAPE, h_layers=h_layers, l_layers=l_layers, h_cycles=h_cycles, l_cycles=l_cycles, max_segments=5)  # type: ignore[arg-type]
    flops = count_flops(model)
    passes = BLOCK * (h_cycles * h_layers + h_cycles * l_cycles * l_layers)
    forward = passes + HEAD + HALTING
    # Backward of one L and one H pass costs twice their forward. The first weight gets no gradient for its input where the state
    # comes detached from the cycles before, but the embedded input asks for one, so nothing is saved. The counter reports the
    # halting head's products for its single position.
    backward = 2 * (BLOCK * (h_layers + l_layers) + HEAD + HALTING)
    look_ahead = passes + HALTING
    assert flops.inference_example == 5 * forward
    assert flops.training_segment == pytest.approx(forward + backward + look_ahead, rel=1e-3)
    assert flops.training_example == 5 * flops.training_segment


def test_transformer_and_deep_supervision() -> None:
    with torch.device("meta"):
        plain = call(Transformer, **SHAPE, layers=3)  # type: ignore[arg-type]
        deep = call(DeepSupervisionTransformer, **SHAPE, layers=3, max_segments=4)  # type: ignore[arg-type]
    forward = 3 * BLOCK + HEAD
    flops = count_flops(plain)
    assert flops == (3 * forward, 3 * forward, forward)
    flops = count_flops(deep)
    assert flops.inference_example == 4 * (forward + HALTING)
    assert flops.training_segment == pytest.approx(3 * (forward + HALTING) + 3 * BLOCK + HALTING, rel=1e-3)


def test_counts() -> None:
    model = call(Transformer, **SHAPE, layers=2)  # type: ignore[arg-type]
    block = 4 * D * D + 3 * D * M + 2 * D
    assert non_embedding_count(model) == 2 * block + D
    assert parameter_count(model) == 2 * block + D + 2 * V * D


def section(**changes: Any) -> dict[str, Any]:
    return {
        "name": "transformer",
        "_target_": "hrmlab.models.transformer.Transformer",
        "hidden_size": None,
        "num_heads": None,
        "mlp_width": None,
        "layers": 2,
        **changes,
    }


NANO = {"name": "nano", "parameters": 20_000, "head_size": 8}


def test_same_seed_same_weights_and_global_state_untouched() -> None:
    state = torch.random.get_rng_state()
    one, _ = build_reasoner(model=section(), task=TASK, size=NANO, match="parameters", seed=1)
    two, _ = build_reasoner(model=section(), task=TASK, size=NANO, match="parameters", seed=1)
    three, _ = build_reasoner(model=section(), task=TASK, size=NANO, match="parameters", seed=2)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert not torch.equal(one.token_head.weight, three.token_head.weight)  # type: ignore[arg-type, union-attr]


def test_a_fixed_shape_is_kept_whatever_the_gap() -> None:
    _, budget = build_reasoner(model=section(hidden_size=32, num_heads=4, mlp_width=50), task=TASK, size=NANO, match="parameters", seed=0)
    assert budget.solved == {"hidden_size": 32, "num_heads": 4, "mlp_width": 50}
    assert budget.gap == pytest.approx(budget.parameters / 20_000 - 1)


@pytest.mark.parametrize(
    ("model", "size", "words"),
    [
        (section(hidden_size=500, num_heads=8), NANO, ("model.hidden_size=500", "16", "nearest is 496")),
        (section(hidden_size=50), NANO, ("model.hidden_size=50", "size.head_size=8", "nearest is 48")),
        (section(), {**NANO, "parameters": 100}, ("size.parameters=100", "transformer", "larger size")),
        (section(), {**NANO, "head_size": 7}, ("size.head_size=7", "odd", "8")),
    ],
)
def test_impossible_shapes_are_explained(model: dict[str, Any], size: dict[str, Any], words: tuple[str, ...]) -> None:
    with pytest.raises(UserError) as caught:
        build_reasoner(model=model, task=TASK, size=size, match="parameters", seed=0)
    for word in words:
        assert word in str(caught.value)
