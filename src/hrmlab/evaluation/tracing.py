"""Answers one question and writes down everything that can be seen on the way, for any reasoner under the contract."""

from collections.abc import Collection, Sequence

import numpy as np
import torch
from torch import Tensor

from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.trace import CycleTrace, Movement, SegmentTrace, Trace
from hrmlab.evaluation.solve import solve
from hrmlab.layers.likelihood import log_probabilities
from hrmlab.models.observation import Application, observed
from hrmlab.models.precision import Computation


def trace(
    computation: Computation,
    batch: Batch,
    *,
    segments: int | None = None,
    attention: Collection[int] | None = None,
    heads: bool = False,
) -> Trace:
    """Answer the one question of a batch (B = 1).

    Args:
        computation: prepared.
        batch: its labels say what is asked, which matters to where causal models stop.
        segments: how many to run; None for those of training.
        attention: the segments whose attention weights are kept, which take (P + S)^2 numbers for every block and cycle; None for the first
            and the last, empty for none.
        heads: keep the weights of every head, not their mean.
    """
    cap = computation.max_segments
    count = segments or cap
    kept = {1, count} if attention is None else set(attention)
    recorder = _Recorder(computation, segments=count, attention=kept, heads=heads)
    found = solve(recorder, batch)
    return Trace(
        inputs=batch.inputs[0].cpu().numpy(),
        prefix_length=computation.prefix_length,
        segments=tuple(recorder.segments),
        cap=cap,
        halting_segment=float(found.segments[0]),
    )


class _Recorder:
    """A reasoner, as the evaluation calls it, that notes every segment."""

    def __init__(self, computation: Computation, *, segments: int, attention: Collection[int], heads: bool) -> None:
        self._computation, self._attention, self._heads = computation, attention, heads
        self._outputs: dict[str, Tensor] = {}
        self.max_segments = segments
        self.segments: list[SegmentTrace] = []

    def initial_carry(self, batch_size: int) -> Carry:
        return self._computation.initial_carry(batch_size)

    def __call__(self, carry: Carry, batch: Batch) -> tuple[Carry, Prediction]:
        number = len(self.segments) + 1
        watched = number in self._attention
        with observed(self._computation.reasoner, tokens=batch.inputs.shape[1], attention=watched) as applications:
            after, prediction = self._computation(carry, batch)
        updated = _updated(applications, carry, after)
        tokens = prediction.logits[0].argmax(-1)
        probabilities = log_probabilities(prediction.logits[0], self._computation.likelihood).exp()
        self.segments.append(
            SegmentTrace(
                number=number,
                tokens=tokens.cpu().numpy(),
                probabilities=_array(probabilities.gather(-1, tokens[:, None])[:, 0]),
                q_halt=None if prediction.q_halt_logits is None else _array(prediction.q_halt_logits[0]),
                q_continue=None if prediction.q_continue_logits is None else _array(prediction.q_continue_logits[0]),
                carry={name: _movement(state, carry[name]) for name, state in after.items() if state.is_floating_point()},
                cycles=tuple(self._cycle(*cycle) for cycle in zip(applications, updated, strict=True)),
            )
        )
        return after, prediction

    def _cycle(self, application: Application, updates: str | None) -> CycleTrace:
        before = application.given if updates else self._outputs.get(application.stack)
        self._outputs[application.stack] = application.state
        weights = application.attention if self._heads else [heads.mean(dim=1, keepdim=True) for heads in application.attention]
        reading = application.reading
        return CycleTrace(
            stack=application.stack,
            name=updates or application.stack,
            state=_array(application.state[0]),
            movement=_movement(application.state, before),
            tokens=None if reading is None else reading.logits[0].argmax(-1).cpu().numpy(),
            attention=tuple(_array(heads[0]) for heads in weights),
        )


def _updated(applications: Sequence[Application], carry: Carry, after: Carry) -> list[str | None]:
    """Of each application the carried state that it updates; None where states become carried ones in another way, such as by a norm.

    It was given that state, or what an earlier one made of it, unchanged, and what the last one made of it is carried on.
    """
    # By place in memory: handing a state on, detached or not, copies nothing, and all of these tensors are held while we look.
    names = {state.data_ptr(): name for name, state in carry.items()}
    found, made = [], {}
    for application in applications:
        name = None if application.given is None else names.get(application.given.data_ptr())
        if name is not None:
            names[application.state.data_ptr()] = name
            made[name] = application.state.data_ptr()
        found.append(name)
    return [name if name in made and made[name] == after[name].data_ptr() else None for name in found]


def _movement(state: Tensor, before: Tensor | None) -> Movement:
    now = state.float()
    change = None if before is None else float((now - before.float()).norm() / before.float().norm().clamp(min=torch.finfo().tiny))
    return Movement(norm=float(now.square().mean().sqrt()), change=change)


def _array(values: Tensor) -> np.ndarray:
    return values.detach().float().cpu().numpy()
