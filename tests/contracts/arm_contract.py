"""What every arm must keep, ours or a user's: functions over a reasoner class, called by the tests of all arms that are found."""

import importlib
import inspect
import pkgutil
import typing
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import pytest
import torch
from torch import Tensor

import hrmlab.models
from hrmlab.audits.causality import audit_causality
from hrmlab.core.batches import Batch
from hrmlab.core.components import call, options_of
from hrmlab.core.errors import UserError
from hrmlab.core.task import IGNORED_LABEL, AttentionKind, TaskSpec
from hrmlab.evaluation.code.generation import Decoding, generate
from hrmlab.evaluation.refilling import answered, halted, rows_of
from hrmlab.evaluation.solve import solve
from hrmlab.layers.embeddings import PuzzleEmbedding
from hrmlab.models.halting import halting_margin
from hrmlab.models.observation import observed
from hrmlab.models.reasoner import Reasoner
from hrmlab.models.sizing import Filling, Quotient
from hrmlab.training.losses import LossOptions, segment_loss
from hrmlab.training.optimizers import adamw
from hrmlab.training.parts import named_parts

Options = Mapping[str, Any]
B, S, V = 3, 12, 7
_LOSS = LossOptions(kind="stablemax")


def model_classes() -> list[type[Reasoner]]:
    """Every concrete reasoner that some module of hrmlab.models defines."""
    found = []
    for info in pkgutil.iter_modules(hrmlab.models.__path__):
        module = importlib.import_module(f"hrmlab.models.{info.name}")
        for _, value in inspect.getmembers(module, inspect.isclass):
            if issubclass(value, Reasoner) and not inspect.isabstract(value) and value.__module__ == module.__name__:
                found.append(value)
    return found


def keys_of(model: type[Reasoner]) -> dict[str, tuple[Any, Any]]:
    """Type and default of every configuration key of a class, those of its dataclasses of options among them."""
    hints, found = typing.get_type_hints(model.__init__), {}
    options = options_of(model)
    for name, parameter in inspect.signature(model).parameters.items():
        if name in options:
            found |= {field.name: (typing.get_type_hints(options[name])[field.name], field.default) for field in fields(options[name])}
        else:
            found[name] = (hints[name], parameter.default)
    return found


def option_variants(model: type[Reasoner]) -> Iterator[dict[str, Any]]:
    """The defaults, then every boolean flipped, every other literal choice, and where there is such a thing, a puzzle embedding of an odd
    width, and states that start elsewhere and are damped."""
    yield {}
    keys = keys_of(model)
    for name, (kind, default) in keys.items():
        if kind is bool:
            yield {name: not default}
        elif typing.get_origin(kind) is typing.Literal:
            yield from ({name: choice} for choice in typing.get_args(kind) if choice != default)
    if "puzzle_embedding_size" in keys:
        yield {"puzzle_embedding_size": 40}
    disturbance = {"random_start": 0.5, "state_noise": 0.1, "damping": 0.25}
    if "damping" in keys:
        yield {name: value for name, value in disturbance.items() if name in keys}


def shape_of(model: type[Reasoner]) -> dict[str, int]:
    """Small values for the arguments that the budget would solve."""
    shape: dict[str, int] = {}
    for item in model.solves:
        shape[item.argument] = 2 if isinstance(item, Quotient) else 40 if isinstance(item, Filling) else 32
    return shape


def make(model: type[Reasoner], attention: AttentionKind, options: Options, *, vocabulary: int = V, length: int = S) -> Reasoner:
    """A small one, the same every time."""
    torch.manual_seed(0)
    task = TaskSpec(name="test", sequence_length=length, vocabulary_size=vocabulary, puzzle_ids=4, attention=attention)
    return call(model, task=task, **shape_of(model), **options)


def make_batch() -> Batch:
    """B examples; the first asks less than the others."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(0, V, (B, S), generator=generator)
    labels[0, :3] = IGNORED_LABEL
    return Batch(torch.randint(0, V, (B, S), generator=generator), labels, torch.tensor([0, 3, 3]))


def check_shapes_and_determinism(model: type[Reasoner], attention: AttentionKind, options: Options) -> None:
    """Shapes of carry, logits, Q-values and losses; equal calls give equal numbers; the look-ahead is the next segment's."""
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
    assert all(values.shape == (B,) for values in prediction.losses.values())
    assert (prediction.q_halt_logits is not None) == reasoner.halts
    assert (prediction.q_continue_logits is not None) == reasoner.continues
    if reasoner.halts:
        assert prediction.q_halt_logits is not None
        assert prediction.q_halt_logits.shape == ((B,) if attention == "full" else (B, S))
    if reasoner.continues:
        assert prediction.q_halt_logits is not None
        assert prediction.q_continue_logits is not None
        assert prediction.q_halt_logits.shape == prediction.q_continue_logits.shape
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


def check_restart(model: type[Reasoner], attention: AttentionKind, options: Options) -> None:
    """A restarted slot is fresh, and the others are untouched."""
    reasoner, batch = make(model, attention, options), make_batch()
    fresh = reasoner.initial_carry(B)
    carry, _ = reasoner(fresh, batch)
    restarted = reasoner.restart(carry, torch.tensor([True, False, True]))
    for name, state in restarted.items():
        assert torch.equal(state[0], fresh[name][0])
        assert torch.equal(state[1], carry[name][1])
        assert not torch.equal(carry[name][0], fresh[name][0])


def check_cycles(model: type[Reasoner], attention: AttentionKind) -> None:
    """With fewer cycles it thinks less, for as long as it is asked to; without cycles it says so."""
    name = model.cycle_argument
    reasoner, batch = make(model, attention, {} if name is None else {name: 3}).eval(), make_batch()

    def said() -> Tensor:
        with torch.no_grad():
            return reasoner(reasoner.initial_carry(B), batch)[1].logits

    if name is None:
        with pytest.raises(UserError, match="has none"), reasoner.at_most_cycles(1):
            pass
        return
    whole = said()
    for cycles in (None, 3, 1):
        with reasoner.at_most_cycles(cycles):
            assert torch.equal(said(), whole) == (cycles != 1)
    assert torch.equal(said(), whole)
    for cycles in (0, 4):
        with pytest.raises(UserError, match="give 1 to 3"), reasoner.at_most_cycles(cycles):
            pass


def check_gradients(model: type[Reasoner], attention: AttentionKind, options: Options) -> None:
    """Gradient reaches every parameter, and the answer depends on every state."""
    reasoner, batch = make(model, attention, options).train(), make_batch()
    carry, _ = reasoner(reasoner.initial_carry(B), batch)
    # Halting heads start at zero weight, which lets no gradient through to nothing, but must not stay there.
    _, prediction = reasoner(carry, batch)
    target = None if prediction.q_continue_logits is None else torch.full_like(prediction.q_continue_logits, 0.3)
    total, _ = segment_loss(prediction, prediction.logits.argmax(-1), batch.labels, target_q_continue=target, options=_LOSS)
    total.backward()
    for name, parameter in reasoner.named_parameters():
        assert parameter.grad is not None, name
        gradient = parameter.grad.coalesce().values() if parameter.grad.is_sparse else parameter.grad
        assert gradient.abs().sum() > 0, name
        assert torch.isfinite(gradient).all(), name
    for name, state in carry.items():
        if not state.is_floating_point():
            continue  # a count, which may tell losses apart and not answers
        _, changed = reasoner({**carry, name: state + torch.randn_like(state)}, batch)
        assert not torch.equal(changed.logits, prediction.logits), name


def check_parts(model: type[Reasoner], attention: AttentionKind, options: Options) -> None:
    """Its parts are all of it, each parameter once; every further name is that of a part; all names can have learning rates."""
    reasoner = make(model, attention, options)
    parts = reasoner.parts()
    assert sorted(id(one) for part in parts.values() for one in part) == sorted(id(one) for one in reasoner.parameters())
    assert not set(parts) & set(reasoner.part_names)
    named = named_parts(reasoner)
    assert {*reasoner.part_names, "embeddings"} <= set(named)
    tables_and_heads = {id(one) for one in (*named["embeddings"], *named.get("heads", ()))}
    for module in reasoner.embeddings_and_heads():
        assert isinstance(module, PuzzleEmbedding) or {id(one) for one in module.parameters()} <= tables_and_heads
    for name, part in named.items():
        bundle = call(adamw, reasoner=reasoner, learning_rate=1.0, learning_rates={name: 2.0})
        fast = [one for group in bundle.param_groups if group["lr"] == 2.0 for one in group["params"]]
        assert {id(one) for one in fast} == {id(one) for one in part}, name


def check_causality(model: type[Reasoner], attention: AttentionKind, options: Options) -> None:
    """Causal attention hides the future, and full attention does not; nor does an option that says so, and the audit catches exactly it."""
    few = {"max_segments": 3} if "max_segments" in keys_of(model) else {}  # what leaks into a carry shows in the next segment
    reasoner, batch = make(model, attention, {**few, **options}).eval(), make_batch()
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
    hides = attention == "causal" and reasoner.sees_future is None
    assert (before == 0) if hides else (before > 0)
    assert (audit_causality(reasoner).leaks == ()) == hides


def check_reading(model: type[Reasoner], attention: AttentionKind, options: Options) -> None:
    """What the heads read of the last state that a stack put out is the segment's prediction; looking changes nothing."""
    reasoner, batch = make(model, attention, options).eval(), make_batch()
    with torch.no_grad():
        carry, _ = reasoner(reasoner.initial_carry(B), batch)
        with observed(reasoner, tokens=S, attention=True) as applications:
            _, prediction = reasoner(carry, batch)
        _, unseen = reasoner(carry, batch)
    assert torch.equal(prediction.logits, unseen.logits)
    assert {one.stack for one in applications} == {name for name, module in reasoner.named_modules() if module in set(reasoner.stacks())}
    for one in applications:
        for weights in one.attention:
            assert weights.shape[-2:] == (S + reasoner.prefix_length,) * 2
            torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]))
    reading = applications[-1].reading if applications else None
    if reading is not None:
        torch.testing.assert_close(reading.logits, prediction.logits)
        for one, other in ((reading.q_halt_logits, prediction.q_halt_logits), (reading.q_continue_logits, prediction.q_continue_logits)):
            assert (one is None) == (other is None)
            if one is not None:
                torch.testing.assert_close(one, other)


def check_generation(model: type[Reasoner], options: Options) -> None:
    """With its own decoding state a causal arm writes what it writes when every row is read again for every token."""
    # Few segments and layers: over many, a recurrent net with disturbed weights turns the rounding of a sum into another token.
    keys = keys_of(model)
    few = {"max_segments": 2} if "max_segments" in keys else {}
    few |= {name: 1 for name in keys if name.endswith("layers")}
    reasoner = make(model, "causal", {**few, **options}, vocabulary=17, length=24).eval()
    with torch.no_grad():
        for parameter in reasoner.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)  # halting heads and puzzle embeddings start at zero
    prompts = [[1, 5, 2], [1, 9, 9, 3, 4, 12, 2], [1, 2], list(range(16)), [3] * 19]

    def write(*, forgetful: bool, halting: bool) -> list[list[int]]:
        decoding = Decoding(temperature=0.0, top_p=1.0, max_new_tokens=12, halting=halting, likelihood="softmax")
        asked = _Forgetful(reasoner) if forgetful else reasoner
        return generate(asked, prompts, end=-1, sequence_length=24, decoding=decoding, device=torch.device("cpu"))

    for halting in (False, True):
        written = write(forgetful=False, halting=halting)
        assert written == write(forgetful=True, halting=halting)
        assert [len(tokens) for tokens in written] == [12, 12, 12, 8, 5]


def check_refilling(model: type[Reasoner], attention: AttentionKind) -> None:
    """Slots that are refilled answer as a fixed batch does: equal tokens at equal segments, scores to the rounding of other batch sizes."""
    keys = keys_of(model)
    options = ({"halting": True} if "halting" in keys else {}) | ({"max_segments": 4} if "max_segments" in keys else {})
    reasoner = make(model, attention, options).eval()
    generator = torch.Generator().manual_seed(2)
    inputs = torch.randint(0, V, (7, S), generator=generator)
    batch = Batch(inputs, inputs.clone(), torch.randint(0, 4, (7,), generator=generator))
    batch.labels[2:4, 5:] = IGNORED_LABEL
    with torch.no_grad():
        for parameter in reasoner.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.05)
        _even_out(reasoner, batch)
    fixed = solve(reasoner, batch)
    refilled = halted(answered(reasoner, rows_of(batch), slots=3, device=torch.device("cpu")), batch.labels)
    asked = batch.labels != IGNORED_LABEL if attention == "causal" else torch.ones_like(inputs, dtype=torch.bool)
    assert torch.equal(refilled.answers[asked], fixed.halting_answers[asked])
    assert torch.equal(refilled.segments, fixed.segments)
    torch.testing.assert_close(refilled.confidence, fixed.confidence, equal_nan=True)
    assert (refilled.believed is None) == (fixed.believed is None) == (not reasoner.halts)
    if fixed.believed is not None:
        assert refilled.believed is not None
        assert torch.equal(refilled.believed, fixed.believed)
    if reasoner.halts:
        assert len(fixed.segments.unique()) > 1  # else nothing is refilled while others go on
    else:
        assert fixed.segments.tolist() == [reasoner.max_segments] * 7


def _even_out(reasoner: Reasoner, batch: Batch) -> None:
    """Move the halting head's bias so that some examples stop in the first segment and others do not."""
    head = getattr(reasoner, "halting_head", None)
    if not reasoner.halts or head is None:
        return
    _, prediction = reasoner(reasoner.initial_carry(len(batch.inputs)), batch)
    margin = halting_margin(prediction)
    assert margin is not None
    head.bias[0] -= margin.median() - 1e-3


class _Forgetful:
    """A reasoner that keeps nothing between tokens."""

    def __init__(self, reasoner: Reasoner) -> None:
        self._reasoner, self.max_segments, self.prefix_length = reasoner, reasoner.max_segments, reasoner.prefix_length
        self.sees_future = reasoner.sees_future

    def initial_carry(self, batch_size: int, positions: int | None = None) -> Any:
        return self._reasoner.initial_carry(batch_size, positions)

    def decoding_state(self, *, capacity: int) -> None:
        return None

    def stacks(self) -> list[Any]:
        return []

    def __call__(self, carry: Any, batch: Batch, state: Any = None) -> Any:
        assert state is None
        return self._reasoner(carry, batch)
