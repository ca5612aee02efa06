"""Further losses of a segment, each against its formula written out with NumPy."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from hrmlab.config.loss_terms import BUILT_IN, check_terms
from hrmlab.core.batches import Batch, Prediction
from hrmlab.core.errors import UserError
from hrmlab.core.task import IGNORED_LABEL, TaskSpec
from hrmlab.layers.options import EmbeddingOptions, SegmentOptions
from hrmlab.models.halting import halting_margin, wants_to_halt
from hrmlab.models.hrm import HRM
from hrmlab.models.planner_executor import PlannerExecutor
from hrmlab.models.precision import Computation
from hrmlab.models.transformer import Transformer
from hrmlab.models.trm import TRM
from hrmlab.training.losses import LossOptions, segment_loss
from hrmlab.training.terms.collection import LossTerms
from hrmlab.training.terms.segment_consistency import SegmentConsistency
from hrmlab.training.terms.segment_cost import SegmentCost
from hrmlab.training.terms.state_diversity import StateDiversity
from hrmlab.training.terms.term import LossTerm, Segment

B, S, V = 3, 4, 5
TASK = TaskSpec(name="test", sequence_length=S, vocabulary_size=V)
WIDTHS: dict[str, Any] = {"task": TASK, "hidden_size": 16, "num_heads": 2, "mlp_width": 24, "embedding": EmbeddingOptions()}
LABELS = torch.tensor([[0, 1, 2, 3], [IGNORED_LABEL, 1, IGNORED_LABEL, 3], [4, 4, 4, 4]])
BATCH = Batch(torch.arange(B * S).view(B, S) % V, LABELS, torch.zeros(B, dtype=torch.int64))


def segment(
    prediction: Prediction | None = None,
    *,
    previous: Prediction | None = None,
    number: tuple[int, ...] = (1, 2, 3),
    likelihood: Any = "softmax",
) -> Segment:
    return Segment(
        batch=BATCH,
        prediction=prediction or Prediction(torch.randn(B, S, V)),
        number=torch.tensor(number),
        max_segments=3,
        likelihood=likelihood,
        read_previous=lambda: previous,
    )


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


# ---- the built-in ones ------------------------------------------------------------------------------------------------------------------


def test_the_cost_of_a_segment_is_the_probability_of_going_on_where_one_may() -> None:
    q_halt, q_continue = torch.tensor([0.5, -1.0, 2.0], requires_grad=True), torch.tensor([0.1, 0.3, -2.0])
    cost = SegmentCost()(segment(Prediction(torch.zeros(B, S, V), q_halt, q_continue)))
    assert cost.tolist() == pytest.approx([sigmoid(-0.4), sigmoid(1.3), 0.0])
    cost.sum().backward()
    assert q_halt.grad is not None
    assert (q_halt.grad[:2] < 0).all(), "it pushes towards stopping"
    assert q_halt.grad[2] == 0
    alone = SegmentCost()(segment(Prediction(torch.zeros(B, S, V), q_halt)))
    assert alone.tolist() == pytest.approx([sigmoid(-0.5), sigmoid(1.0), 0.0])


def test_the_cost_of_tokens_with_scores_of_their_own_is_a_mean_over_the_asked() -> None:
    scores = torch.tensor([[0.0, 1.0, 2.0, 3.0]] * B)
    cost = SegmentCost()(segment(Prediction(torch.zeros(B, S, V), scores), number=(1, 1, 1)))
    every = [sigmoid(-value) for value in (0, 1, 2, 3)]
    assert cost.tolist() == pytest.approx([np.mean(every), np.mean([every[1], every[3]]), np.mean(every)])


@pytest.mark.parametrize("threshold", [None, 0.8])
@pytest.mark.parametrize("both", [False, True])
def test_the_margin_is_above_zero_where_the_model_would_stop(threshold: float | None, both: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    q_halt, q_continue = 3 * torch.randn(2, 500, generator=generator)
    said = Prediction(torch.zeros(1), q_halt, q_continue if both else None, halting_threshold=threshold)
    margin, wants = halting_margin(said), wants_to_halt(said)
    assert margin is not None
    assert wants is not None
    assert torch.equal(margin > 0, wants)
    assert 0 < int(wants.sum()) < 500
    assert halting_margin(Prediction(torch.zeros(1))) is None


@pytest.mark.parametrize("likelihood", ["softmax", "stablemax"])
def test_consistency_is_the_divergence_from_what_was_said_before(likelihood: Any) -> None:
    def probabilities(logits: Tensor) -> np.ndarray:
        x = logits.detach().double().numpy()
        raised = np.exp(x) if likelihood == "softmax" else np.where(x >= 0, x + 1, 1 / (1 - np.minimum(x, 0)))
        return raised / raised.sum(-1, keepdims=True)

    now, before = torch.randn(2, B, S, V, generator=torch.Generator().manual_seed(2)).unbind()
    now.requires_grad_()
    loss = SegmentConsistency()(segment(Prediction(now), previous=Prediction(before), likelihood=likelihood))
    p, q = probabilities(before), probabilities(now)
    divergence = (p * np.log(p / q)).sum(-1)
    assert loss.tolist() == pytest.approx([0.0, divergence[1, [1, 3]].mean(), divergence[2].mean()], rel=1e-4)
    loss.sum().backward()
    assert now.grad is not None
    assert (now.grad[0] == 0).all()
    assert (now.grad[2] != 0).any()
    same = SegmentConsistency()(segment(Prediction(before), previous=Prediction(before), likelihood=likelihood))
    assert same.tolist() == pytest.approx([0, 0, 0], abs=1e-6)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def test_diversity_is_the_mean_squared_cosine_of_levels_or_of_positions() -> None:
    generator = torch.Generator().manual_seed(3)
    states = {name: torch.randn(B, 2 + S, 6, generator=generator) for name in ("z_H", "z_L", "z_M")}
    given = segment(Prediction(torch.zeros(B, S, V), states={**states, "segment": torch.ones(B, dtype=torch.int64)}))
    arrays = [state[:, 2:].double().numpy() for state in states.values()]
    pairs = [(0, 1), (0, 2), (1, 2)]
    levels = [np.mean([cosine(arrays[i][b, s], arrays[j][b, s]) ** 2 for i, j in pairs for s in range(S)]) for b in range(B)]
    assert StateDiversity()(given).tolist() == pytest.approx(levels, rel=1e-4)
    positions = [np.mean([cosine(arrays[0][b, s], arrays[0][b, t]) ** 2 for s in range(S) for t in range(S) if s != t]) for b in range(B)]
    assert StateDiversity(between="positions")(given).tolist() == pytest.approx(positions, rel=1e-4)


# ---- which arms they suit ---------------------------------------------------------------------------------------------------------------


def hrm(**segments: Any) -> HRM:
    torch.manual_seed(0)
    return HRM(**WIDTHS, segments=SegmentOptions(**{"max_segments": 3, **segments}), h_layers=1, l_layers=1)


PLAIN = Transformer(**WIDTHS, layers=1)


@pytest.mark.parametrize("name", BUILT_IN)
def test_an_arm_that_has_what_a_term_needs_is_taken_and_a_plain_transformer_refused(name: str) -> None:
    terms = LossTerms.of(check_terms({name: 0.1}))
    terms.check(hrm())
    with pytest.raises(
        UserError, match=rf"training\.loss_terms\.{name}: this arm .*; leave the term out, or use an arm of several segments"
    ):
        terms.check(PLAIN)


def test_an_arm_that_lacks_what_a_term_needs_is_refused() -> None:
    for term, arm in (
        (SegmentCost(), hrm(halting=False)),
        (SegmentCost(), hrm(max_segments=1)),
        (SegmentConsistency(), hrm(max_segments=1)),
        (StateDiversity(), PlannerExecutor(**WIDTHS, segments=SegmentOptions(), h_layers=1, l_layers=1)),
    ):
        with pytest.raises(UserError):
            term.check(arm)
    StateDiversity(between="positions").check(PlannerExecutor(**WIDTHS, segments=SegmentOptions(), h_layers=1, l_layers=1))


@pytest.mark.parametrize("arm", [hrm(), hrm(damping=0.2), TRM(**WIDTHS, segments=SegmentOptions(), layers=1)])
def test_a_carry_reads_as_the_prediction_that_left_it(arm: Any) -> None:
    computation = Computation(arm.eval(), "fp32")
    carry, prediction = computation(computation.initial_carry(B), BATCH)
    again = computation.read_carry(carry, S)
    assert again is not None
    assert torch.equal(again.logits, prediction.logits)
    assert PLAIN.read_carry({}, S) is None


def test_states_come_with_gradient_while_training_and_not_at_all_afterwards() -> None:
    for arm in (hrm().train(), PlannerExecutor(**WIDTHS, segments=SegmentOptions(), h_layers=1, l_layers=1).train()):
        carry, prediction = arm(arm.initial_carry(B), BATCH)
        assert list(prediction.states) == list(carry)
        assert prediction.states["z_H"].requires_grad
        assert torch.equal(prediction.states["z_H"], carry["z_H"])
        assert arm.eval()(arm.initial_carry(B), BATCH)[1].states == {}


# ---- together ---------------------------------------------------------------------------------------------------------------------------


class Sharpness(LossTerm):
    """The largest logit to some power."""

    def __init__(self, *, power: int = 1) -> None:
        self.power = power

    def __call__(self, segment: Segment) -> Tensor:
        return segment.prediction.logits.amax(dim=(1, 2)) ** self.power


class Misshapen(LossTerm):
    """One number for each token."""

    def __call__(self, segment: Segment) -> Tensor:
        return segment.prediction.logits.amax(dim=-1)


class NoTerm:
    """Something else."""


def of(**terms: Any) -> LossTerms:
    return LossTerms.of(check_terms(terms))


def test_terms_are_weighted_in_the_total_and_not_in_the_parts() -> None:
    given = segment(Prediction(torch.randn(B, S, V), torch.tensor([0.5, -1.0, 2.0])))
    total, parts = segment_loss(
        given.prediction, given.prediction.logits.argmax(-1), LABELS, target_q_continue=None, options=LossOptions(kind="softmax")
    )
    sharpness, cost = Sharpness(power=2)(given).sum(), SegmentCost()(given).sum()
    terms = of(sharpness={"_target_": f"{__name__}.Sharpness", "weight": 0.1, "power": 2}, segment_cost=0.5, state_diversity=None)
    loss, told = terms.added(total, parts, given)
    torch.testing.assert_close(loss, total + 0.1 * sharpness + 0.5 * cost)
    assert told == {**parts, "sharpness": sharpness, "segment_cost": cost}
    none = of(state_diversity=None).added(total, parts, given)
    assert none[0] is total
    assert none[1] is parts


def test_what_is_no_term_is_answered_in_a_sentence() -> None:
    with pytest.raises(UserError, match=r"training\.loss_terms\.mine\._target_=.*NoTerm is no loss; let it inherit"):
        of(mine={"_target_": f"{__name__}.NoTerm", "weight": 1.0})
    total = torch.zeros(())
    with pytest.raises(UserError, match=r"training\.loss_terms\.mine gave the shape \(3, 4\); give a number for each of 3 slots"):
        of(mine={"_target_": f"{__name__}.Misshapen", "weight": 1.0}).added(total, {}, segment())
    with pytest.raises(UserError, match=r"training\.loss_terms\.ponder: this arm has a loss of that name already"):
        of(ponder={"_target_": f"{__name__}.Sharpness", "weight": 1.0}).added(total, {"ponder": total}, segment())
