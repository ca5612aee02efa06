"""Random starts, noise and damping, in every arm that has them."""

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from hrmlab.core.batches import Batch, Carry
from hrmlab.core.components import call, locate, options_of
from hrmlab.core.randomness import CounterRandom, stream_key
from hrmlab.core.task import AttentionKind, TaskSpec
from hrmlab.layers.options import SegmentOptions, UpdateOptions
from hrmlab.models import perturbation
from hrmlab.models.cross_attention_hrm import CrossAttentionHRM
from hrmlab.models.deep_supervision_transformer import DeepSupervisionTransformer
from hrmlab.models.enhanced_hrm import EnhancedHRM
from hrmlab.models.hrm import HRM
from hrmlab.models.observation import observed
from hrmlab.models.perturbation import Updates
from hrmlab.models.planner_executor import PlannerExecutor
from hrmlab.models.reasoner import Reasoner
from hrmlab.models.recurrent_depth import RecurrentDepth
from hrmlab.models.sic_mixer import SICMixer
from hrmlab.models.trm import TRM, MixerTRM
from hrmlab.models.universal_transformer import UniversalTransformer

B, S, V = 3, 6, 5
SEGMENTED = (HRM, TRM, MixerTRM, SICMixer, CrossAttentionHRM, EnhancedHRM, PlannerExecutor, DeepSupervisionTransformer)
ARMS = (*SEGMENTED, UniversalTransformer, RecurrentDepth)
KEY = stream_key(0, "test")


def every_arm() -> set[type[Reasoner]]:
    """The classes that conf/model names."""
    return {locate(yaml.safe_load(file.read_text())["_target_"]) for file in Path("conf/model").glob("*.yaml")}


def make(model: type[Reasoner], attention: AttentionKind = "full", **options: Any) -> Any:
    torch.manual_seed(0)
    task = TaskSpec(name="test", sequence_length=S, vocabulary_size=V, attention=attention)
    widths = {"hidden_size": 16, "mlp_width": 24} | ({"num_heads": 2} if "num_heads" in inspect.signature(model).parameters else {})
    reasoner = call(model, task=task, **widths, **options)
    with torch.no_grad():
        for parameter in reasoner.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)  # halting heads start at zero
    return reasoner.train()


def batch(rows: int = B) -> Batch:
    tokens = torch.randint(0, V, (rows, S), generator=torch.Generator().manual_seed(1))
    return Batch(tokens, tokens, torch.zeros(rows, dtype=torch.int64))


def draws(*numbers: int) -> CounterRandom:
    return CounterRandom(KEY, torch.tensor(numbers))


def disturbed(reasoner: Any, random: CounterRandom | None, given: Batch) -> tuple[Carry, Tensor]:
    """One training segment from a fresh start: the carry and the logits."""
    reasoner.random = random
    rows = len(given.inputs)
    carry = reasoner.restart(reasoner.initial_carry(rows), torch.ones(rows, dtype=torch.bool))
    carry, prediction = reasoner(carry, given)
    reasoner.random = None
    return carry, prediction.logits.detach()


# ---- one update -------------------------------------------------------------------------------------------------------------------------


def test_an_update_is_the_damped_state_and_the_noise_of_its_number() -> None:
    old, new = torch.randn(B, 2, 4), torch.randn(B, 2, 4)
    updated = Updates(UpdateOptions(damping=0.25, state_noise=0.1), draws(7, 8, 9))
    for number in (1, 2):
        noise = draws(7, 8, 9).normal(f"update {number}", 8).view(B, 2, 4).float()
        assert_close(updated(old, new), 0.25 * old + 0.75 * new + 0.1 * noise)


def test_neutral_options_hand_on_the_very_tensor() -> None:
    old, new = torch.randn(B, 4), torch.randn(B, 4)
    assert Updates(UpdateOptions(), draws(1, 2, 3))(old, new) is new
    assert Updates(UpdateOptions(state_noise=0.3), None)(old, new) is new


@given(numbers=st.lists(st.integers(0, 2**40), min_size=1, max_size=5), shift=st.integers(0, 4))
def test_noise_belongs_to_the_draw_and_not_to_its_place_in_the_batch(numbers: list[int], shift: int) -> None:
    options, state = UpdateOptions(state_noise=1.0), torch.zeros(len(numbers), 3)
    together = Updates(options, draws(*numbers))(state, state)
    rolled = Updates(options, draws(*np.roll(numbers, shift).tolist()))(state, state)
    assert torch.equal(rolled, together.roll(shift, 0))
    assert torch.equal(Updates(options, draws(numbers[0]))(state[:1], state[:1]), together[:1])


# ---- in every arm -----------------------------------------------------------------------------------------------------------------------


def test_the_list_of_arms_is_complete() -> None:
    """A new arm with these options must come under these tests."""
    kinds = {model: tuple(options_of(model).values()) for model in every_arm()}
    assert set(ARMS) == {model for model, options in kinds.items() if any(issubclass(kind, UpdateOptions) for kind in options)}
    assert set(SEGMENTED) == {model for model in ARMS if SegmentOptions in options_of(model).values()}


@pytest.mark.parametrize("model", ARMS)
def test_with_neutral_options_randomness_changes_no_bit(model: type[Reasoner]) -> None:
    reasoner = make(model)
    quiet, loud = (disturbed(reasoner, random, batch()) for random in (None, draws(4, 5, 6)))
    assert torch.equal(quiet[1], loud[1])
    assert all(torch.equal(state, loud[0][name]) for name, state in quiet[0].items())


@pytest.mark.parametrize("model", ARMS)
def test_every_pass_of_a_looped_stack_is_one_update(model: type[Reasoner], monkeypatch: pytest.MonkeyPatch) -> None:
    reasoner, made = make(model).eval(), []
    original = Updates.__call__

    def count(self: Updates, old: Tensor, new: Tensor) -> Tensor:
        made.append(new)
        return original(self, old, new)

    monkeypatch.setattr(Updates, "__call__", count)
    with torch.no_grad(), observed(reasoner) as applications:
        reasoner(reasoner.initial_carry(B), batch())
    looped = [one for one in applications if one.stack not in ("prelude", "coda")]
    assert len(made) == len(looped) > 0


@pytest.mark.parametrize("model", ARMS)
@pytest.mark.parametrize("options", [{"state_noise": 0.1}, {"state_noise": 0.1, "damping": 0.3}])
def test_noise_is_that_of_the_slots_draw_and_of_training_alone(model: type[Reasoner], options: dict[str, float]) -> None:
    reasoner, given = make(model, "full", **options), batch()
    carry, logits = disturbed(reasoner, draws(4, 5, 6), given)
    again = disturbed(reasoner, draws(4, 5, 6), given)[1]
    other = disturbed(reasoner, draws(14, 5, 6), given)[1]
    assert torch.equal(again, logits)
    assert (other[0] != logits[0]).any()
    assert_close(other[1:], logits[1:])
    quiet = disturbed(reasoner, None, given)[1]
    assert (quiet != logits).flatten(1).any(dim=1).all()
    assert carry.keys() == reasoner.initial_carry(B).keys()
    reasoner.eval()
    assert torch.equal(disturbed(reasoner, draws(4, 5, 6), given)[1], disturbed(reasoner, None, given)[1])


@pytest.mark.parametrize("model", ARMS)
def test_damping_holds_in_training_and_afterwards_and_close_to_one_nothing_moves(model: type[Reasoner]) -> None:
    free, damped, still = (make(model, "full", damping=damping).eval() for damping in (0.0, 0.3, 0.999999))
    assert not torch.allclose(disturbed(free, None, batch())[1], disturbed(damped, None, batch())[1])
    if model is PlannerExecutor:  # it begins every segment by adding the input to its states
        return
    before = still.initial_carry(B)
    for name, state in disturbed(still, None, batch())[0].items():
        assert_close(state, before[name], atol=1e-3, rtol=0)


@pytest.mark.parametrize("gradient", ["one_step", "full"])
def test_a_damped_hrm_is_its_recursion_written_out(gradient: Any) -> None:
    reasoner = make(HRM, damping=0.3, gradient=gradient)
    embedded, context = reasoner.embedding(batch(), None)
    z_H, z_L = reasoner.initial_carry(B).values()
    for _ in range(2):
        for _ in range(2):
            z_L = 0.3 * z_L + 0.7 * reasoner.l_level(z_L, z_H + embedded, context)
        z_H = 0.3 * z_H + 0.7 * reasoner.h_level(z_H, z_L, context)
    carry, _ = reasoner(reasoner.initial_carry(B), batch())
    assert_close(carry, {"z_H": z_H.detach(), "z_L": z_L.detach()})


@pytest.mark.parametrize("model", SEGMENTED)
def test_a_random_start_is_drawn_for_the_slots_that_restart_while_training(model: type[Reasoner]) -> None:
    reasoner = make(model, random_start=2.0)
    carry = {name: torch.full_like(state, 9) for name, state in reasoner.initial_carry(B).items()}
    reasoner.random = draws(4, 5, 6)
    started = reasoner.restart(carry, torch.tensor([True, False, True]))
    for name, state in started.items():
        assert (state[1] == 9).all()
        if not state.is_floating_point():
            assert (state[0] == 0).all()
            continue
        assert torch.equal(state[0], 2 * draws(4).normal(f"start {name}", state[0].numel()).view_as(state[0]).float())
        assert not torch.equal(state[0], state[2])
    fixed = make(model).initial_carry(B)
    reasoner.eval()
    for state, one in zip(reasoner.restart(carry, torch.ones(B, dtype=torch.bool)).values(), fixed.values(), strict=True):
        assert torch.equal(state, 2 * one)


def test_a_random_start_has_its_deviation() -> None:
    reasoner = make(HRM, random_start=0.5)
    reasoner.random = CounterRandom(KEY, torch.arange(200))
    drawn = torch.stack(list(reasoner.restart(reasoner.initial_carry(200), torch.ones(200, dtype=torch.bool)).values()))
    assert float(drawn.mean()) == pytest.approx(0, abs=0.01)
    assert float(drawn.std()) == pytest.approx(0.5, abs=0.01)
    assert abs(float(torch.corrcoef(drawn.flatten(1))[0, 1])) < 0.03, "states start apart from each other"


def test_recurrent_depth_draws_its_start_while_training() -> None:
    reasoner, given = make(RecurrentDepth, random_start=1.0), batch()
    one, other = (disturbed(reasoner, draws(*numbers), given)[1] for numbers in ((4, 5, 6), (14, 5, 6)))
    assert (one[0] != other[0]).any()
    assert_close(one[1:], other[1:])
    assert torch.equal(disturbed(reasoner.eval(), draws(4, 5, 6), given)[1], disturbed(make(RecurrentDepth).eval(), None, given)[1])
    larger, fixed = make(RecurrentDepth, random_start=3.0).eval(), make(RecurrentDepth).eval()
    fixed.initial.mul_(3)
    assert_close(disturbed(larger, None, given)[1], disturbed(fixed, None, given)[1])


def test_the_look_ahead_is_not_disturbed() -> None:
    reasoner, given = make(HRM, state_noise=0.5), batch()
    reasoner.random = draws(4, 5, 6)
    loud = reasoner.look_ahead(reasoner.initial_carry(B), given)
    assert reasoner.random is not None, "what comes after it is disturbed again"
    reasoner.random = None
    assert_close(loud, reasoner.look_ahead(reasoner.initial_carry(B), given), rtol=0, atol=0)


@pytest.mark.parametrize("model", [model for model in ARMS if "causal" in model.attention_kinds])
def test_noise_tells_nothing_of_the_future(model: type[Reasoner]) -> None:
    options = {"state_noise": 0.1, "damping": 0.2} | ({} if model is UniversalTransformer else {"random_start": 1.0})
    if model is RecurrentDepth:
        options["random_loops"] = False  # drawn from the whole batch, as before
    reasoner, given = make(model, "causal", **options), batch()
    changed = given._replace(inputs=given.inputs.clone())
    changed.inputs[:, -1] = (changed.inputs[:, -1] + 1) % V
    one, other = (disturbed(reasoner, draws(4, 5, 6), rows)[1] for rows in (given, changed))
    assert torch.equal(one[:, :-1], other[:, :-1])
    assert not torch.equal(one[:, -1], other[:, -1])


def test_with_damping_no_stack_puts_out_a_state_to_read() -> None:
    for model in (HRM, PlannerExecutor, DeepSupervisionTransformer, UniversalTransformer):
        state = torch.randn(1, S, 48 if model is PlannerExecutor else 16)
        assert make(model).read_state(state, tokens=S) is not None
        assert make(model, damping=0.1).read_state(state, tokens=S) is None


def test_undisturbed_gives_back_what_was_there() -> None:
    reasoner = make(HRM)
    reasoner.random = draws(1)
    with perturbation.undisturbed(reasoner):
        assert reasoner.random is None
    assert reasoner.random is not None
