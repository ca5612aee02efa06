"""Every model file, in every attention mode and with every option, keeps the reasoner contract."""

import importlib
import inspect
import pkgutil
import typing
from collections.abc import Iterator
from typing import Any

import pytest
import torch

import hrmlab.models
from hrmlab.budget.solver import build_reasoner
from hrmlab.core.batches import Batch
from hrmlab.core.task import IGNORED_LABEL, AttentionKind, TaskSpec
from hrmlab.models.reasoner import Reasoner
from hrmlab.training.losses import segment_loss

SHAPE = {"hidden_size": 32, "num_heads": 2, "mlp_width": 40}
B, S, V = 3, 12, 7


def model_classes() -> list[type[Reasoner]]:
    """Every concrete reasoner that some module of hrmlab.models defines."""
    found = []
    for info in pkgutil.iter_modules(hrmlab.models.__path__):
        module = importlib.import_module(f"hrmlab.models.{info.name}")
        for _, value in inspect.getmembers(module, inspect.isclass):
            if issubclass(value, Reasoner) and not inspect.isabstract(value) and value.__module__ == module.__name__:
                found.append(value)
    return found


def option_variants(model: type[Reasoner]) -> Iterator[dict[str, Any]]:
    """The defaults, then every boolean flipped, every other literal choice, and a puzzle embedding of an odd width."""
    yield {}
    hints = typing.get_type_hints(model.__init__)
    for name, parameter in inspect.signature(model).parameters.items():
        if hints[name] is bool:
            yield {name: not parameter.default}
        elif typing.get_origin(hints[name]) is typing.Literal:
            yield from ({name: choice} for choice in typing.get_args(hints[name]) if choice != parameter.default)
    yield {"puzzle_embedding_size": 40}


CASES = [
    pytest.param(model, attention, options, id=f"{model.__name__}-{attention}-{options or 'defaults'}")
    for model in model_classes()
    for attention in typing.get_args(AttentionKind)
    for options in option_variants(model)
]
every_case = pytest.mark.parametrize(("model", "attention", "options"), CASES)


def make(model: type[Reasoner], attention: AttentionKind, options: dict[str, Any]) -> Reasoner:
    torch.manual_seed(0)
    task = TaskSpec(name="test", sequence_length=S, vocabulary_size=V, puzzle_ids=4, attention=attention)
    return model(task=task, **SHAPE, **options)  # type: ignore[arg-type]


def make_batch() -> Batch:
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(0, V, (B, S), generator=generator)
    labels[0, :3] = IGNORED_LABEL
    return Batch(torch.randint(0, V, (B, S), generator=generator), labels, torch.tensor([0, 3, 3]))


def test_there_is_one_model_per_arm() -> None:
    assert {model.__name__ for model in model_classes()} == {"HRM", "Transformer", "DeepSupervisionTransformer"}


@every_case
def test_shapes_and_determinism(model: type[Reasoner], attention: AttentionKind, options: dict[str, Any]) -> None:
    reasoner, batch = make(model, attention, options), make_batch()
    first, second = reasoner.initial_carry(B), reasoner.initial_carry(B)
    assert all(state.shape[0] == B for state in first.values())
    carry, prediction = reasoner(first, batch)
    again, repeated = reasoner(second, batch)
    assert prediction.logits.shape == (B, S, V)
    assert torch.equal(prediction.logits, repeated.logits)
    assert carry.keys() == first.keys() == again.keys()
    for name, state in carry.items():
        assert state.shape == first[name].shape
        assert not state.requires_grad
        assert torch.equal(state, again[name])
    assert (prediction.q_halt_logits is not None) == reasoner.halts
    if reasoner.halts:
        assert prediction.q_halt_logits is not None
        assert prediction.q_continue_logits is not None
        assert prediction.q_halt_logits.shape == prediction.q_continue_logits.shape == ((B,) if attention == "full" else (B, S))
        with torch.no_grad():
            looked = reasoner.look_ahead(carry, batch)
            _, following = reasoner(carry, batch)
        assert following.q_halt_logits is not None
        assert following.q_continue_logits is not None
        torch.testing.assert_close(looked[0], following.q_halt_logits)
        torch.testing.assert_close(looked[1], following.q_continue_logits)
    else:
        with pytest.raises(TypeError):
            reasoner.look_ahead(carry, batch)


@every_case
def test_a_restarted_slot_is_fresh_and_the_others_are_untouched(
    model: type[Reasoner], attention: AttentionKind, options: dict[str, Any]
) -> None:
    reasoner, batch = make(model, attention, options), make_batch()
    fresh = reasoner.initial_carry(B)
    carry, _ = reasoner(fresh, batch)
    restarted = reasoner.restart(carry, torch.tensor([True, False, True]))
    for name, state in restarted.items():
        assert torch.equal(state[0], fresh[name][0])
        assert torch.equal(state[1], carry[name][1])
        assert not torch.equal(carry[name][0], fresh[name][0])


@every_case
def test_gradient_reaches_every_parameter_and_the_answer_depends_on_every_state(
    model: type[Reasoner], attention: AttentionKind, options: dict[str, Any]
) -> None:
    reasoner, batch = make(model, attention, options), make_batch()
    carry, _ = reasoner(reasoner.initial_carry(B), batch)
    # Halting heads start at zero weight, which lets no gradient through to nothing, but must not stay there.
    _, prediction = reasoner(carry, batch)
    target = None if prediction.q_halt_logits is None else torch.full_like(prediction.q_halt_logits, 0.3)
    loss = segment_loss(prediction, prediction.logits.argmax(-1), batch.labels, target_q_continue=target, kind="stablemax")
    loss.total.backward()
    for name, parameter in reasoner.named_parameters():
        assert parameter.grad is not None, name
        gradient = parameter.grad.coalesce().values() if parameter.grad.is_sparse else parameter.grad
        assert gradient.abs().sum() > 0, name
        assert torch.isfinite(gradient).all(), name
    for name, state in carry.items():
        _, changed = reasoner({**carry, name: state + torch.randn_like(state)}, batch)
        assert not torch.equal(changed.logits, prediction.logits), name


@every_case
def test_causal_attention_hides_the_future_and_full_attention_does_not(
    model: type[Reasoner], attention: AttentionKind, options: dict[str, Any]
) -> None:
    reasoner, batch = make(model, attention, options).eval(), make_batch()
    position = S // 2
    changed = batch._replace(inputs=batch.inputs.clone())
    changed.inputs[:, position] = (changed.inputs[:, position] + 1) % V
    carry, other = reasoner.initial_carry(B), reasoner.initial_carry(B)
    with torch.no_grad():
        carry, other = reasoner(carry, batch)[0], reasoner(other, changed)[0]
        (_, one), (_, two) = reasoner(carry, batch), reasoner(other, changed)
    before = (one.logits[:, :position] - two.logits[:, :position]).abs().max()
    after = (one.logits[:, position:] - two.logits[:, position:]).abs().max()
    assert after > 0
    assert (before == 0) if attention == "causal" else (before > 0)


@pytest.mark.parametrize("attention", typing.get_args(AttentionKind))
@pytest.mark.parametrize("model", ["hrm", "transformer", "deep_supervision_transformer"])
@pytest.mark.parametrize("match", ["parameters", "non_embedding"])
@pytest.mark.parametrize(
    ("size", "vocabulary", "length"),
    [("nano", 6, 16), ("tiny", 11, 81), ("small", 6, 900), ("medium", 300, 256), ("paper", 11, 81)],
)
def test_every_arm_lands_within_one_percent_of_every_budget(
    model: str, attention: AttentionKind, match: Any, size: str, vocabulary: int, length: int, compose_config: Any
) -> None:
    config = compose_config(f"model={model}", f"size={size}", tiny=False)
    task = TaskSpec(name="test", sequence_length=length, vocabulary_size=vocabulary, attention=attention)
    with torch.device("meta"):
        _, budget = build_reasoner(model=config["model"], task=task, size=config["size"], match=match, seed=0)
    counted = budget.parameters if match == "parameters" else budget.non_embedding_parameters
    assert abs(counted / config["size"]["parameters"] - 1) <= 0.01
    assert budget.gap == pytest.approx(counted / config["size"]["parameters"] - 1)
    assert budget.hidden_size % config["size"]["head_size"] == 0
    assert budget.num_heads * config["size"]["head_size"] == budget.hidden_size
