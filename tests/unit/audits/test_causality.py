"""The causality audit finds planted leaks of every kind and accuses no causal model."""

from typing import Any

import pytest
import torch
from torch import Tensor

from hrmlab.audits.causality import audit_causality
from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.components import call
from hrmlab.core.task import TaskSpec
from hrmlab.layers.decoding import DecodingState
from hrmlab.models.deep_supervision_transformer import DeepSupervisionTransformer
from hrmlab.models.hrm import HRM
from hrmlab.models.reasoner import Reasoner
from hrmlab.models.transformer import Transformer

SHAPE: dict[str, Any] = {"hidden_size": 32, "num_heads": 2, "mlp_width": 40}
SMALL_HRM: dict[str, Any] = {"h_layers": 1, "l_layers": 1, "max_segments": 3}


def task(**changes: Any) -> TaskSpec:
    facts = {"name": "t", "sequence_length": 20, "vocabulary_size": 15, "attention": "causal", "next_token": True, **changes}
    return TaskSpec(**facts)


@pytest.mark.parametrize(
    ("model", "options"),
    [
        (HRM, SMALL_HRM),
        (HRM, {**SMALL_HRM, "shared_levels": True, "positions": "learned", "gradient": "full"}),
        (HRM, {**SMALL_HRM, "puzzle_embedding_size": 40}),
        (Transformer, {"layers": 2}),
        (DeepSupervisionTransformer, {"layers": 2, "max_segments": 3}),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_causal_models_are_found_causal_and_full_ones_are_not(model: type[Reasoner], options: dict[str, Any], packed: bool) -> None:
    if packed and "puzzle_embedding_size" in options:
        options = {**options, "puzzle_embedding_size": 0}
    start = 1 if packed else None
    torch.manual_seed(0)
    causal = audit_causality(call(model, task=task(document_start=start), **SHAPE, **options))
    assert causal.leaks == ()
    assert causal.positions == 12
    assert causal.to_dict()["passed"] is True
    full = audit_causality(call(model, task=task(attention="full", document_start=start), **SHAPE, **options))
    assert {leak.what for leak in full.leaks} >= {"logits", "state"}
    assert full.to_dict()["passed"] is False
    assert all(leak.seen < leak.changed for leak in full.leaks)


class PoolsTheSequence(Transformer):
    """A planner that sees a summary of the whole row, as published code models do."""

    def forward(self, carry: Carry, batch: Batch, state: DecodingState | None = None) -> tuple[Carry, Prediction]:
        carry, prediction = super().forward(carry, batch, state)
        return carry, prediction._replace(logits=prediction.logits + 1e-3 * prediction.logits.mean(dim=1, keepdim=True))


class HaltsByTheLastToken(HRM):
    """One halting score for the row, read where everything can be seen."""

    def forward(self, carry: Carry, batch: Batch, state: DecodingState | None = None) -> tuple[Carry, Prediction]:
        carry, prediction = super().forward(carry, batch, state)
        assert prediction.q_halt_logits is not None
        assert prediction.q_continue_logits is not None
        return carry, Prediction(prediction.logits, prediction.q_halt_logits[:, -1], prediction.q_continue_logits[:, -1])


class LeaksFromTheSecondSegment(DeepSupervisionTransformer):
    """Carries a state shifted by one position to the left."""

    def forward(self, carry: Carry, batch: Batch, state: DecodingState | None = None) -> tuple[Carry, Prediction]:
        carry, prediction = super().forward(carry, batch, state)
        return {"z": torch.cat((carry["z"][:, 1:], carry["z"][:, -1:]), dim=1)}, prediction


class SeesTheLengthOfDocuments(Transformer):
    """Depends on whether any later token is token 0."""

    def forward(self, carry: Carry, batch: Batch, state: DecodingState | None = None) -> tuple[Carry, Prediction]:
        carry, prediction = super().forward(carry, batch, state)
        ends: Tensor = (batch.inputs == 0).flip(1).cumsum(1).flip(1)
        return carry, prediction._replace(logits=prediction.logits * (1 + 0.01 * ends[..., None]))


def test_a_pooled_summary_is_found() -> None:
    (leak,) = audit_causality(call(PoolsTheSequence, task=task(), **SHAPE, layers=1)).leaks
    assert (leak.what, leak.segment) == ("logits", 1)
    assert "segment 1" in leak.sentence()


def test_a_halting_score_that_knows_the_future_is_found_although_its_weights_start_at_zero() -> None:
    (leak,) = audit_causality(call(HaltsByTheLastToken, task=task(), **SHAPE, **SMALL_HRM)).leaks
    assert leak.what == "halting score"


def test_a_leak_through_the_carry_is_found_in_the_second_segment() -> None:
    leaks = audit_causality(call(LeaksFromTheSecondSegment, task=task(), **SHAPE, layers=1, max_segments=2)).leaks
    assert {leak.segment for leak in leaks} == {2}
    assert {leak.what for leak in leaks} == {"logits", "state", "halting score"}


def test_a_leak_that_few_tokens_open_is_found() -> None:
    found = [
        audit_causality(call(SeesTheLengthOfDocuments, task=task(vocabulary_size=3), **SHAPE, layers=1), seed=seed).leaks
        for seed in range(3)
    ]
    assert all(found)


def test_the_model_is_left_as_it_is() -> None:
    model = call(HRM, task=task(), **SHAPE, **SMALL_HRM)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    audit_causality(model)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert all(not stack._forward_hooks for stack in model.stacks())
