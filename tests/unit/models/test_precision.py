"""bf16: copies for a step, float32 masters that stay the model's own, also where a module or a weight stands in two places."""

import pytest
import torch

from hrmlab.core.batches import Batch
from hrmlab.core.task import TaskSpec
from hrmlab.layers.options import EmbeddingOptions, SegmentOptions
from hrmlab.models.enhanced_hrm import EnhancedHRM
from hrmlab.models.hrm import HRM
from hrmlab.models.precision import Computation
from hrmlab.models.reasoner import Reasoner

TASK = TaskSpec(name="t", sequence_length=6, vocabulary_size=7)
WIDTHS = {"task": TASK, "hidden_size": 16, "num_heads": 2, "mlp_width": 24}
SHARED = {"embedding": EmbeddingOptions(), "segments": SegmentOptions()}


def twice_used() -> list[Reasoner]:
    torch.manual_seed(0)
    return [
        HRM(**WIDTHS, **SHARED, h_layers=1, l_layers=1),
        HRM(**WIDTHS, **SHARED, h_layers=1, l_layers=1, shared_levels=True),
        EnhancedHRM(**WIDTHS, **SHARED, planner_layers=1, worker_layers=1, tied_embeddings=True),
    ]


def batch() -> Batch:
    return Batch(torch.randint(1, 7, (3, 6)), torch.randint(1, 7, (3, 6)), torch.zeros(3, dtype=torch.int64))


@pytest.mark.parametrize("reasoner", twice_used(), ids=["two_levels", "shared_levels", "tied_embeddings"])
def test_a_step_in_bf16_moves_the_weights_that_the_model_keeps(reasoner: Reasoner) -> None:
    torch.manual_seed(1)
    masters = dict(reasoner.named_parameters(remove_duplicate=False))
    optimizer = torch.optim.SGD(reasoner.parameters(), lr=0.5)
    computation, examples = Computation(reasoner, "bf16"), batch()
    losses = []
    for _ in range(8):
        computation.prepare()
        _, prediction = computation(computation.initial_carry(3), examples)
        loss = torch.nn.functional.cross_entropy(prediction.logits.float().flatten(0, 1), examples.labels.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        computation.release()
        losses.append(loss.item())
        kept = dict(reasoner.named_parameters(remove_duplicate=False))
        assert all(kept[name] is master for name, master in masters.items()), "a copy was left in the place of a weight"
    assert losses[-1] < losses[0] - 0.05
