"""The planner-executor beside a second implementation of its segment, and what is special about it: gate, schedule, heads, cycles."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, scaled_dot_product_attention, silu

from hrmlab.budget.count import non_embedding_count, parameter_count
from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.components import call
from hrmlab.core.task import IGNORED_LABEL, AttentionKind, TaskSpec
from hrmlab.layers.heads import HaltingHead
from hrmlab.models.planner_executor import PlannerExecutor, ScaledBlock
from hrmlab.models.precision import Computation

S, D, V = 7, 16, 5
SHAPE: dict[str, Any] = {"hidden_size": D, "num_heads": 2, "mlp_width": 24, "positions": "none", "max_segments": 4}


def made(kind: AttentionKind = "full", **options: Any) -> PlannerExecutor:
    torch.manual_seed(0)
    task = TaskSpec(name="test", sequence_length=S, vocabulary_size=V, attention=kind, next_token=kind == "causal")
    return call(PlannerExecutor, task=task, **{**SHAPE, **options})


def batch() -> Batch:
    inputs, labels = torch.randint(0, V, (2, 3, S), generator=torch.Generator().manual_seed(1))
    labels[0, :2] = IGNORED_LABEL
    return Batch(inputs, labels, torch.zeros(3, dtype=torch.int64))


def norm(values: Tensor, gain: Tensor) -> Tensor:
    return values / (values.square().mean(-1, keepdim=True) + 1e-5).sqrt() * gain


def test_a_segment_is_that_of_the_original() -> None:
    """``forward`` of hrm_core.py, with the mixing of positions and channels of this project's blocks."""
    reasoner = made(h_layers=1, l_layers=1).eval()
    weights = dict(reasoner.named_parameters())

    def project(name: str, values: Tensor) -> Tensor:
        return values @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def block(name: str, hidden: Tensor, heads: int) -> Tensor:
        parts = (norm(hidden, weights[f"{name}.attention_norm.weight"]) @ weights[f"{name}.attention.query_key_value.weight"].T).chunk(
            3, -1
        )
        query, key, value = (part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in parts)
        mixed = scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        hidden = hidden + 0.8 * (mixed @ weights[f"{name}.attention.output.weight"].T)
        gate, up = (norm(hidden, weights[f"{name}.mlp_norm.weight"]) @ weights[f"{name}.mlp.gate_up.weight"].T).chunk(2, -1)
        return hidden + 0.8 * ((silu(gate) * up) @ weights[f"{name}.mlp.down.weight"].T)

    rows = batch()
    x = weights["embedding.token.weight"][rows.inputs] * D**0.5
    executor, planner = x, project("to_planner", x)
    for _ in range(2):
        guidance = project("to_executor", planner)
        gate = torch.sigmoid(project("guidance_gate", guidance))
        executor = gate * executor + (1 - gate) * guidance
        for _ in range(2):
            executor = block("executor.blocks.0", executor, 2)
        planner = block("planner.blocks.0", planner + project("to_planner", executor), 6)
    carry, prediction = reasoner(reasoner.initial_carry(3), rows)
    torch.testing.assert_close(carry["z_H"], planner)
    torch.testing.assert_close(carry["z_L"], executor)
    torch.testing.assert_close(prediction.logits, project("to_heads", planner) @ weights["token_head.weight"].T)


def test_the_planner_is_three_times_as_wide() -> None:
    carry = made().initial_carry(3)
    assert (carry["z_H"].shape, carry["z_L"].shape) == ((3, S, 3 * D), (3, S, D))


@pytest.mark.parametrize(("bias", "kept"), [(30.0, True), (-30.0, False)])
def test_an_open_gate_keeps_the_executor_s_state_and_a_closed_one_takes_the_guidance(bias: float, kept: bool) -> None:
    reasoner = made()
    with torch.no_grad():
        reasoner.guidance_gate.weight.zero_()
        reasoner.guidance_gate.bias.fill_(bias)
    planner, executor = torch.randn(3, S, 3 * D), torch.randn(3, S, D)
    guided = reasoner.guide(planner, executor)
    torch.testing.assert_close(guided, executor if kept else reasoner.to_executor(planner))


def test_residual_branches_grow_with_the_training_and_a_checkpoint_holds_how_far() -> None:
    reasoner = made(residual_scale=0.5, final_residual_scale=0.9)
    blocks = [module for module in reasoner.modules() if isinstance(module, ScaledBlock)]
    assert len(blocks) == 4
    assert {float(block.scale) for block in blocks} == {0.5}
    reasoner.at_progress(0.25)
    assert [float(block.scale) for block in blocks] == pytest.approx([0.6] * 4)
    other = made(residual_scale=0.5, final_residual_scale=0.9)
    other.load_state_dict(reasoner.state_dict())
    assert torch.equal(other(other.initial_carry(3), batch())[1].logits, reasoner(reasoner.initial_carry(3), batch())[1].logits)
    reasoner.at_progress(0.0)
    assert not torch.equal(other(other.initial_carry(3), batch())[1].logits, reasoner(reasoner.initial_carry(3), batch())[1].logits)


def test_each_segment_but_the_last_has_a_head_of_its_own() -> None:
    reasoner, rows = made(auxiliary_weight=0.25), batch()
    assert reasoner.auxiliary_heads is not None
    assert reasoner.auxiliary_heads.weight.shape == (3, V, D)
    carry, _ = reasoner(reasoner.initial_carry(3), rows)
    carry = {**carry, "segment": torch.tensor([0, 2, 3])}
    after, prediction = reasoner(carry, rows)
    read = reasoner.to_heads(after["z_H"])
    for example, head in ((0, 0), (1, 2)):
        logits = read[example] @ reasoner.auxiliary_heads.weight[head].T
        expected = 0.25 * cross_entropy(logits, rows.labels[example], ignore_index=IGNORED_LABEL)
        torch.testing.assert_close(prediction.losses["auxiliary"][example], expected)
    assert prediction.losses["auxiliary"][2] == 0, "the last segment has the head that answers, and no other"
    assert reasoner.eval()(carry, rows)[1].losses == {}


def test_auxiliary_heads_count_as_heads_and_are_not_made_in_vain() -> None:
    reasoner = made()
    heads = 3 * V * D
    assert parameter_count(reasoner) - non_embedding_count(reasoner) == heads + 2 * V * D  # and embedding and token head
    vain: tuple[dict[str, Any], ...] = ({"auxiliary_weight": 0.0}, {"max_segments": 1})
    for options in vain:
        without = made(**options)
        assert without.auxiliary_heads is None
        assert without(without.initial_carry(3), batch())[1].losses == {}


def confident(reasoner: PlannerExecutor, probability: float) -> None:
    """Let the halting head say the same everywhere."""
    assert isinstance(reasoner.halting_head, HaltingHead)
    with torch.no_grad():
        reasoner.halting_head.bias[0] = torch.logit(torch.tensor(probability))


def second(reasoner: PlannerExecutor) -> Carry:
    rows = batch()
    with torch.no_grad():
        return reasoner(reasoner(reasoner.initial_carry(3), rows)[0], rows)[0]


@pytest.mark.parametrize(("probability", "cycles"), [(0.85, 1), (0.7, 2), (0.5, 3)])
@pytest.mark.parametrize("attention", ["full", "causal"])
def test_a_confident_model_plans_less_from_the_second_segment_on(probability: float, cycles: int, attention: AttentionKind) -> None:
    adaptive, rows = made(attention, h_cycles=3).eval(), batch()
    fixed = {number: made(attention, h_cycles=number).eval() for number in (1, 2, 3)}
    for reasoner in (adaptive, *fixed.values()):
        confident(reasoner, probability)
        reasoner.adaptive_cycles = reasoner is adaptive
    first, _ = adaptive(adaptive.initial_carry(3), rows)
    torch.testing.assert_close(first["z_H"], fixed[3](fixed[3].initial_carry(3), rows)[0]["z_H"])
    torch.testing.assert_close(adaptive(first, rows)[0]["z_H"], fixed[cycles](first, rows)[0]["z_H"])
    confident(adaptive, 0.5)
    assert (torch.equal(adaptive(first, rows)[0]["z_L"], fixed[cycles](first, rows)[0]["z_L"])) == (cycles == 3)


def test_training_takes_all_cycles_whatever_the_model_believes() -> None:
    adaptive, fixed = made(), made(adaptive_cycles=False)
    for reasoner in (adaptive, fixed):
        confident(reasoner, 0.99)
    assert torch.equal(second(adaptive)["z_H"], second(fixed)["z_H"])
    assert not torch.equal(second(adaptive.eval())["z_H"], second(fixed.eval())["z_H"])


def test_each_token_takes_its_own_number_of_cycles_and_no_earlier_one_notices() -> None:
    reasoner, rows = made("causal").eval(), batch()
    carry, _ = reasoner(reasoner.initial_carry(3), rows)
    one, other = (dict(carry) for _ in range(2))
    other["z_H"] = carry["z_H"].clone()
    other["z_H"][:, 4] += 10.0
    assert isinstance(reasoner.halting_head, HaltingHead)
    with torch.no_grad():
        direction = reasoner.to_heads.weight.sum(dim=1)
        reasoner.halting_head.weight[0] = 1e3 * direction
    assert reasoner._enough_cycles(one["z_H"], one["segment"]).shape == (3, S, 1)  # type: ignore[union-attr]
    assert not torch.equal(
        reasoner._enough_cycles(one["z_H"], one["segment"])[:, 4],  # type: ignore[index]
        reasoner._enough_cycles(other["z_H"], other["segment"])[:, 4],  # type: ignore[index]
    )
    before, after = reasoner(one, rows)[1].logits, reasoner(other, rows)[1].logits
    assert torch.equal(before[:, :4], after[:, :4])
    assert not torch.equal(before[:, 4:], after[:, 4:])


def test_the_segment_counts_on_and_stays_an_integer_in_bf16() -> None:
    computation = Computation(made(), "bf16")
    computation.prepare()
    carry = computation.initial_carry(3)
    for segment in range(2):
        assert carry["segment"].tolist() == [segment] * 3
        assert carry["segment"].dtype == torch.int64
        carry, _ = computation(carry, batch())
    assert carry["z_H"].dtype == torch.bfloat16
    assert made().restart(carry, torch.tensor([True, False, False]))["segment"].tolist() == [0, 2, 2]


def test_a_prediction_brings_the_threshold_along() -> None:
    prediction: Prediction = made(halting_threshold=0.8)(made().initial_carry(3), batch())[1]
    assert prediction.halting_threshold == 0.8


def test_as_published_it_sees_the_future_and_remembers_nothing() -> None:
    leaking, honest = made("causal", attention="as_published"), made("causal")
    assert (leaking.sees_future, honest.sees_future) == ("model.attention=as_published", None)
    assert leaking.task.attention == "causal"
    assert leaking.decoding_state(capacity=S) is None
    assert honest.decoding_state(capacity=S) is not None
    assert made("full", attention="as_published").sees_future is None, "where full attention is the task, nothing is hidden"
