"""Losses and halting against independent computations and at their edges."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrmlab.core.batches import Prediction
from hrmlab.core.randomness import CounterRandom
from hrmlab.core.task import IGNORED_LABEL
from hrmlab.layers.likelihood import log_probabilities, token_losses
from hrmlab.layers.stablemax import log_stablemax
from hrmlab.models.halting import continue_target, decide_halting, wants_to_halt, whole_example
from hrmlab.training.losses import LossOptions, segment_loss


@given(st.lists(st.floats(-50, 50, width=32), min_size=2, max_size=6))
def test_stablemax_is_a_distribution(values: list[float]) -> None:
    probabilities = log_stablemax(torch.tensor(values)).exp()
    assert probabilities.sum() == pytest.approx(1)
    scores = [value + 1 if value >= 0 else 1 / (1 - value) for value in values]
    assert probabilities.tolist() == pytest.approx([score / sum(scores) for score in scores])


def test_stablemax_has_a_finite_gradient_at_a_logit_of_exactly_one() -> None:
    logits = torch.tensor([1.0, 0.0, -1.0], requires_grad=True)
    log_stablemax(logits)[0].backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("kind", ["stablemax", "softmax"])
def test_ignored_positions_cost_nothing_and_examples_weigh_the_same(kind: str) -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 5, 4)
    labels = torch.tensor([[1, 2, 3, 0, 1], [2, IGNORED_LABEL, IGNORED_LABEL, IGNORED_LABEL, IGNORED_LABEL]])
    losses = token_losses(logits, labels, kind)  # type: ignore[arg-type]
    assert torch.equal(losses[1, 1:], torch.zeros(4).to(losses))
    options = LossOptions(kind=kind)  # type: ignore[arg-type]
    total, parts = segment_loss(Prediction(logits), logits.argmax(-1), labels, target_q_continue=None, options=options)
    assert parts["answer"].item() == pytest.approx(losses[0].mean().item() + losses[1, 0].item())
    assert total.item() == pytest.approx(parts["answer"].item())
    assert set(parts) == {"answer"}


def test_further_losses_are_added_and_named_and_the_halting_weight_is_an_option() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(2, 3, 4), torch.tensor([[1, 2, 3], [2, 0, 1]])
    said = Prediction(logits, torch.tensor([1.0, -1.0]), None, {"planner": torch.tensor([0.25, 0.5])})
    for weight in (0.0, 0.5, 2.0):
        options = LossOptions(kind="softmax", halting_weight=weight)
        total, parts = segment_loss(said, logits.argmax(-1), labels, target_q_continue=None, options=options)
        assert set(parts) == {"answer", "q_halt", "planner"}
        assert parts["planner"].item() == 0.75
        assert total.item() == pytest.approx(parts["answer"].item() + weight * parts["q_halt"].item() + 0.75)


def test_the_halting_score_may_learn_the_share_of_cells_that_are_right() -> None:
    logits = torch.zeros(1, 4, 3)
    logits[0, :, 1] = 5.0
    labels = torch.tensor([[1, 1, 1, 2]])
    said = Prediction(logits, torch.tensor([0.5]))
    losses = {}
    for kind in ("exact", "cells"):
        options = LossOptions(kind="softmax", halting_target=kind)
        losses[kind] = segment_loss(said, logits.argmax(-1), labels, target_q_continue=None, options=options)[1]["q_halt"].item()
    score = torch.tensor(0.5)
    yes, no = torch.nn.functional.softplus(-score).item(), torch.nn.functional.softplus(score).item()
    assert losses == {"exact": pytest.approx(no), "cells": pytest.approx(0.75 * yes + 0.25 * no)}


def test_halting_scores_may_learn_by_the_squared_error_of_their_sigmoids() -> None:
    logits = torch.zeros(2, 2, 3)
    logits[:, :, 1] = 5.0
    labels = torch.tensor([[1, 1], [1, 2]])
    said = Prediction(logits, torch.tensor([0.0, 0.0]), torch.tensor([0.0, 0.0]))
    options = LossOptions(kind="softmax", halting_loss="squared_error")
    target = torch.tensor([0.9, 0.5])
    _, parts = segment_loss(said, logits.argmax(-1), labels, target_q_continue=target, options=options)
    assert parts["q_halt"].item() == pytest.approx(0.25 + 0.25)
    assert parts["q_continue"].item() == pytest.approx(0.16)


@pytest.mark.parametrize("kind", ["stablemax", "softmax"])
def test_label_smoothing_is_cross_entropy_with_spread_labels(kind: str) -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(1, 3, 4), torch.tensor([[1, IGNORED_LABEL, 3]])
    options = LossOptions(kind=kind, label_smoothing=0.2)  # type: ignore[arg-type]
    total, _ = segment_loss(Prediction(logits), logits.argmax(-1), labels, target_q_continue=None, options=options)
    log_p = log_probabilities(logits, kind)[0]  # type: ignore[arg-type]
    spread = torch.full((2, 4), 0.05, dtype=log_p.dtype)
    spread[0, 1] += 0.8
    spread[1, 3] += 0.8
    assert total.item() == pytest.approx(-(spread * log_p[[0, 2]]).sum(-1).mean().item(), rel=1e-5)


def prediction(halt: list[float], go_on: list[float]) -> Prediction:
    return Prediction(torch.zeros(len(halt), 1, 2), torch.tensor(halt), torch.tensor(go_on))


def test_halting_compares_q_values_and_respects_the_cap() -> None:
    segments = torch.tensor([1, 2, 4, 4])
    halted = decide_halting(wants_to_halt(prediction([1, 0, 0, 1], [0, 1, 1, 0])), segments, max_segments=4, exploration=0.0, random=None)
    assert halted.tolist() == [True, False, True, True]
    alone = wants_to_halt(Prediction(torch.zeros(2, 1, 2), torch.tensor([0.5, -0.5])))
    assert alone is not None
    assert alone.tolist() == [True, False]
    bold = wants_to_halt(Prediction(torch.zeros(3, 1, 2), torch.tensor([0.5, -0.5, -2.0]), halting_threshold=0.3))
    assert bold is not None
    assert bold.tolist() == [True, True, False], "a threshold takes the place of one half"
    careful = wants_to_halt(prediction([1.3, 1.5, 1.5], [0.0, 0.0, 2.0])._replace(halting_threshold=0.8))
    assert careful is not None
    assert careful.tolist() == [False, True, False], "of 0.79, 0.82 and 0.82; the last is worth less than going on"
    without_head = decide_halting(wants_to_halt(Prediction(torch.zeros(4, 1, 2))), segments, max_segments=4, exploration=0.0, random=None)
    assert without_head.tolist() == [False, False, True, True]


def test_exploration_demands_a_uniform_minimum() -> None:
    count = 20_000
    eager = prediction([1.0] * count, [0.0] * count)
    shares = []
    for segment in range(1, 5):
        random = CounterRandom(3, torch.arange(count))
        segments = torch.full((count,), segment)
        halted = decide_halting(wants_to_halt(eager), segments, max_segments=4, exploration=0.6, random=random)
        shares.append(halted.float().mean().item())
    # Not exploring: 0.4 halt at once. Exploring: the minimum is 2, 3 or 4, each for a third.
    assert shares == pytest.approx([0.4, 0.6, 0.8, 1.0], abs=0.015)


def test_continue_target_takes_the_best_of_the_next_segment_unless_this_was_the_last() -> None:
    target = continue_target(torch.tensor([1, 4]), torch.tensor([0.0, 0.0]), torch.tensor([2.0, 2.0]), max_segments=4)
    assert target.tolist() == pytest.approx([torch.sigmoid(torch.tensor(2.0)).item(), 0.5])


def test_a_slot_of_tokens_halts_when_all_asked_tokens_want_to() -> None:
    wants = torch.tensor([[True, False, True], [True, True, True], [False, True, True]])
    labels = torch.tensor([[1, 1, 1], [1, 1, 1], [IGNORED_LABEL, 1, 1]])
    assert whole_example(wants, labels).tolist() == [False, True, True]
    assert whole_example(torch.tensor([True, False]), labels[:2]).tolist() == [True, False]


def test_halting_scores_of_tokens_learn_whether_their_own_token_is_right() -> None:
    logits = torch.zeros(1, 4, 3)
    logits[0, :, 1] = 5.0
    labels = torch.tensor([[1, 2, 1, IGNORED_LABEL]])
    scores = torch.tensor([[2.0, 2.0, 2.0, 9.0]])
    options = LossOptions(kind="softmax")
    _, parts = segment_loss(Prediction(logits, scores, scores), logits.argmax(-1), labels, target_q_continue=None, options=options)
    right, wrong = torch.nn.functional.softplus(torch.tensor(-2.0)), torch.nn.functional.softplus(torch.tensor(2.0))
    assert parts["q_halt"].item() == pytest.approx(((2 * right + wrong) / 3).item())
    target = continue_target(torch.tensor([1]), scores, scores + 1, max_segments=2)
    assert target.shape == (1, 4)
    torch.testing.assert_close(target, torch.sigmoid(scores + 1))
