"""Slots that are refilled give each example what the fixed batch gives it, in fewer steps; the engine serves them one by one."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.errors import UserError
from hrmlab.core.task import IGNORED_LABEL, TaskSpec
from hrmlab.evaluation.engine import Engine, EngineBusy, EngineClosed, Thought
from hrmlab.evaluation.refilling import answered, answered_alone, halted, rows_of
from hrmlab.evaluation.slots import Answer
from hrmlab.evaluation.solve import solve

CPU = torch.device("cpu")
TASK = TaskSpec(name="counting", sequence_length=3, vocabulary_size=32)
CAP = 16


class Stops:
    """Says at every position the segment's number, and wants to stop after as many segments as the first token says; -1 rows break it."""

    max_segments = CAP

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.gate = threading.Event()
        self.gate.set()

    def initial_carry(self, batch_size: int) -> Carry:
        return {"number": torch.zeros(batch_size, dtype=torch.int64)}

    def __call__(self, carry: Carry, batch: Batch) -> tuple[Carry, Prediction]:
        self.gate.wait(10)
        self.calls.append(len(batch.inputs))
        if (batch.inputs[:, 1] == 31).any():
            raise ValueError("this row is broken")
        number = carry["number"] + 1
        logits = torch.nn.functional.one_hot(number[:, None].expand(-1, 3), 32).float()
        return {"number": number}, Prediction(logits, (number >= batch.inputs[:, 0]).float() - 0.5)


def examples(stops: list[int], *, broken: tuple[int, ...] = ()) -> Batch:
    inputs = torch.tensor([[stop, 31 if row in broken else 0, 0] for row, stop in enumerate(stops)])
    return Batch(inputs, torch.zeros_like(inputs), torch.zeros(len(stops), dtype=torch.int64))


def run(call: Any, batch: Batch, slots: int) -> list[Answer | Exception]:
    return list(answered(call, rows_of(batch), slots=slots, device=CPU))


def test_answers_come_in_order_and_an_easy_example_does_not_wait_for_a_hard_one() -> None:
    stops = [16, 1, 2, 1, 30, 1, 1, 3, 1, 2, 5, 1]
    call = Stops()
    found = run(call, examples(stops), 3)
    assert [answer.segments for answer in found if isinstance(answer, Answer)] == [min(stop, CAP) for stop in stops]
    assert [answer.tokens.tolist() for answer in found if isinstance(answer, Answer)] == [[min(stop, CAP)] * 3 for stop in stops]
    assert sum(call.calls) == sum(min(stop, CAP) for stop in stops)  # no segment is computed that nobody needs
    # The two hard ones hold two slots from the first and the third step on; all others go through the third slot meanwhile.
    assert len(call.calls) == 2 + CAP
    assert max(call.calls) == 3


def test_a_slot_is_refilled_at_once_and_examples_are_read_no_sooner() -> None:
    read: list[int] = []
    call = Stops()

    def source() -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        for number, row in enumerate(rows_of(examples([1] * 8))):
            read.append(number)
            yield row

    answers = answered(call, source(), slots=2, device=CPU)
    next(answers)
    assert (call.calls, read) == ([2], [0, 1])
    assert len(list(answers)) == 7
    assert call.calls == [2] * 4


def test_a_broken_example_gives_its_error_in_its_place_and_no_other_is_lost() -> None:
    stops = [3, 1, 2, 9, 1, 4, 2]
    found = run(Stops(), examples(stops, broken=(2, 5)), 4)
    assert [type(one).__name__ for one in found] == ["Answer", "Answer", "ValueError", "Answer", "Answer", "ValueError", "Answer"]
    assert [one.segments for one in found if isinstance(one, Answer)] == [3, 1, 9, 1, 2]
    with pytest.raises(ValueError, match="this row is broken"):
        halted(found, torch.zeros(7, 3))
    everything = run(Stops(), examples([1] * 5, broken=(0, 1, 2, 3, 4)), 4)
    assert [type(one) for one in everything] == [ValueError] * 5


class OnePass:
    """No carry, no scores."""

    max_segments = 1

    def initial_carry(self, batch_size: int) -> Carry:
        return {}

    def __call__(self, carry: Carry, batch: Batch) -> tuple[Carry, Prediction]:
        return carry, Prediction(torch.nn.functional.one_hot(batch.inputs, 32).float())


class Never(Stops):
    """Has no halting head: all segments, always."""

    def __call__(self, carry: Carry, batch: Batch) -> tuple[Carry, Prediction]:
        carry, prediction = super().__call__(carry, batch)
        return carry, Prediction(prediction.logits)


class Tokens(Stops):
    """Each token wants to stop by itself, after as many segments as it says."""

    def __call__(self, carry: Carry, batch: Batch) -> tuple[Carry, Prediction]:
        carry, prediction = super().__call__(carry, batch)
        return carry, prediction._replace(q_halt_logits=(carry["number"][:, None] == batch.inputs).float() - 0.5)


@pytest.mark.parametrize("kind", [Stops, OnePass, Never, Tokens])
def test_solutions_are_those_of_the_fixed_batch(kind: type) -> None:
    batch = examples([5, 1, 9, 2, 30, 2, 1])
    batch.inputs[:, 1:] = torch.tensor([[1, 2], [4, 4], [1, 20], [3, 1], [2, 2], [7, 1], [1, 1]])
    batch.labels[:, 1] = IGNORED_LABEL
    call = kind()
    fixed = solve(call, batch)
    refilled = halted(run(kind(), batch, 3), batch.labels)
    for name in ("halting_answers", "segments", "believed", "confidence"):
        one, other = getattr(refilled, name), getattr(fixed, name)
        if name == "halting_answers":
            one, other = one[:, [0, 2]], other[:, [0, 2]]  # at an ignored position nobody asks when it stopped
        if one is None or other is None:
            assert one is other, name
        else:
            torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True, msg=name)
    assert torch.equal(refilled.answers, refilled.halting_answers)
    assert refilled.exact_by_segment.shape == (1, 7)
    alone, said = answered_alone(kind(), next(rows_of(batch)), device=CPU)
    assert torch.equal(alone.tokens, refilled.answers[0])
    assert torch.equal(said, fixed.answers_by_segment[: len(said), 0])


def test_the_engine_answers_each_and_shows_every_segment() -> None:
    thoughts: list[Thought] = []
    stops = [4, 1, 30, 2, 3, 1, 1, 8]
    with Engine(Stops(), task=TASK, device=CPU, slots=2, waiting=3) as engine:
        first, *others = examples(stops).inputs.tolist()
        futures = [engine.submit(first, watch=thoughts.append), *(engine.submit(row) for row in others)]
    assert [future.result(0).segments for future in futures] == [min(stop, CAP) for stop in stops]
    assert [(thought.segment, thought.tokens.tolist(), thought.last) for thought in thoughts] == [
        (number, [number] * 3, number == 4) for number in (1, 2, 3, 4)
    ]
    assert [float(thought.q_halt) for thought in thoughts if thought.q_halt is not None] == [-0.5, -0.5, -0.5, 0.5]
    assert thoughts[0].logits.shape == (3, 32)
    with pytest.raises(EngineClosed):
        engine.submit([1, 0, 0])


def test_each_example_may_ask_for_its_own_segments_and_stay_for_all_of_them() -> None:
    seen: dict[str, list[tuple[int, bool, bool]]] = {"short": [], "long": []}

    def note(name: str) -> Any:
        return lambda thought: seen[name].append((thought.segment, thought.stopped, thought.last))

    with Engine(Stops(), task=TASK, device=CPU, slots=3) as engine:
        short = engine.submit([9, 0, 0], watch=note("short"), segments=2)
        long = engine.submit([2, 0, 0], watch=note("long"), segments=4, through=True)
        usual = engine.submit([30, 0, 0])
        with pytest.raises(UserError, match="segments=0"):
            engine.submit([1, 0, 0], segments=0)
    assert (short.result(0).segments, usual.result(0).segments) == (2, CAP)
    assert seen["short"] == [(1, False, False), (2, True, True)]
    assert seen["long"] == [(1, False, False), (2, True, False), (3, True, False), (4, True, True)]
    assert (long.result(0).segments, long.result(0).tokens.tolist()) == (2, [2, 2, 2])  # the answer is the one where it stopped


def test_other_work_is_done_in_the_engines_thread_between_segments() -> None:
    with Engine(Stops(), task=TASK, device=CPU, slots=2, waiting=1) as engine:
        name = engine.between(lambda: threading.current_thread().name)
        assert name.result(10) == "hrmlab engine"
        failing = engine.between(lambda: 1 // 0)
        answer = engine.submit([3, 0, 0])
    assert isinstance(failing.exception(0), ZeroDivisionError)
    assert answer.result(0).segments == 3
    with pytest.raises(EngineClosed):
        engine.between(lambda: None)


def test_the_queue_is_bounded_and_what_waits_can_be_taken_back() -> None:
    call = Stops()
    call.gate.clear()
    with Engine(call, task=TASK, device=CPU, slots=1, waiting=2) as engine:
        first = engine.submit([1, 0, 0])
        while not first.running():
            pass
        waiting = [engine.submit([1, 0, 0]) for _ in range(2)]
        with pytest.raises(EngineBusy, match="2 examples wait"):
            engine.submit([1, 0, 0], timeout=0)
        assert waiting[0].cancel()
        call.gate.set()
        assert engine.submit([2, 0, 0]).result(10).segments == 2  # waits for room
    assert first.result(0).segments == waiting[1].result(0).segments == 1


def test_an_example_that_fails_in_the_engine_takes_no_other_with_it() -> None:
    def dislike(thought: Thought) -> None:
        raise KeyError(f"segment {thought.segment}")

    call = Stops()
    call.gate.clear()
    with Engine(call, task=TASK, device=CPU, slots=8) as engine:
        good, watched = engine.submit([3, 0, 0]), engine.submit([5, 0, 0], watch=dislike)
        broken, last = engine.submit([1, 31, 0]), engine.submit([1, 0, 0], watch=dislike)
        for wrong in (torch.zeros(2).long(), torch.zeros(3), torch.tensor([1, 0, 32]), torch.tensor([-1, 0, 0])):
            with pytest.raises(UserError, match="the example"):
                engine.submit(wrong)
        with pytest.raises(UserError, match="puzzle_id=1"):
            engine.submit([1, 0, 0], puzzle_id=1)
        call.gate.set()
        assert good.result(10).segments == 3
    assert isinstance(watched.exception(0), KeyError)
    assert isinstance(last.exception(0), KeyError)
    assert isinstance(broken.exception(0), ValueError)
    with pytest.raises(UserError, match="slots=0"):
        Engine(call, task=TASK, device=CPU, slots=0)


def test_an_error_that_is_nobodys_own_ends_the_engine_and_reaches_all_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    call = Stops()
    call.gate.clear()
    monkeypatch.setattr(threading, "excepthook", lambda arguments: None)
    engine = Engine(call, task=TASK, device=CPU, slots=1)
    monkeypatch.setattr(engine._slots, "step", lambda watch: (_ for _ in ()).throw(SystemError("lost the device")))
    with engine._changed:  # its thread takes none before all are there
        futures = [engine.submit([1, 0, 0]) for _ in range(3)]
    call.gate.set()
    for future in futures:
        with pytest.raises((SystemError, EngineClosed)):
            future.result(10)
    with pytest.raises(EngineClosed):
        engine.submit([1, 0, 0])
    engine.close()
