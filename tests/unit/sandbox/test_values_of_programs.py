"""Values cross the wall exactly, and nothing but values does."""

import contextlib
import math
import os
import threading
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hrmlab.sandbox.inside import frames
from hrmlab.sandbox.inside.peer import Peer
from hrmlab.sandbox.inside.values import Decoder, Encoder, Malformed


def crossed(value: Any) -> Any:
    """What arrives of a value, by way of the bytes."""

    def refuse(item: Any) -> Any:
        raise AssertionError(f"{item!r} has no plain form")

    message = frames.json.loads(frames.pack(Encoder(refuse).message([value]))[4:])
    return Decoder(refuse).roots(message)[0]


def same(left: Any, right: Any) -> bool:
    """Equal, of the same type all the way down, and not-a-number equal to itself."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return (math.isnan(left) and math.isnan(right)) or (left == right and math.copysign(1, left) == math.copysign(1, right))
    if isinstance(left, list | tuple | deque):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return same(list(left.items()), list(right.items()))
    return bool(left == right)


PLAIN = [
    None, True, False, 0, -1, 1 << 62, -(1 << 62), 1 << 64, -(10**40), 1 << 40_000, 0.0, -0.0, 1.5, 1e308, float("inf"), float("-inf"),
    float("nan"), 5e-324, 1 + 2j, complex(-0.0, float("inf")), "", "text", "\0\r\n\x1f\u2028", "\ud800",
    "\ud800\udc00", "\U0001f600", b"", b"\0\xff", bytearray(b"ab"),
    [], [[]], (), ((),), [1, (2, [3, {4: {5}}])], {1: 2, "1": 3, (1, 2): [4]}, {True: 1}, {1.0: "a"}, {None: None}, {1, 2}, set(),
    frozenset({1, (2, frozenset())}), {frozenset({1}): 1}, range(0), range(1, 10, 3), range(-(1 << 70), 1 << 70), deque([1, 2], maxlen=3),
    Counter("aab"), OrderedDict([(2, 1), (1, 2)]), Decimal("1.10"), Decimal("-0"), Fraction(1, 3),
    int, ValueError, Ellipsis, NotImplemented, [True, 1, 1.0, "1"], [1, True], {"a": (1,), "b": [1]},
]  # fmt: skip


@pytest.mark.parametrize("value", PLAIN, ids=lambda value: type(value).__name__)
def test_plain_values_are_the_same_on_the_other_side(value: Any) -> None:
    assert same(crossed(value), value)


nested = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers(allow_nan=False),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.integers() | st.text(), inner),
    max_leaves=30,
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(nested)
def test_any_nested_value_is_the_same(value: Any) -> None:
    assert same(crossed(value), value)


def test_defaultdict_comes_without_its_factory_and_equal() -> None:
    assert crossed(defaultdict(int, {1: 2})) == {1: 2}


def test_dictionary_views_stay_views() -> None:
    assert crossed({1: 2}.keys()) == {1}
    assert list(crossed({1: [2]}.values())) == [[2]]
    assert list(crossed({1: [2]}.items())) == [(1, [2])]


class LyingInt(int):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


class LyingStr(str):
    def __str__(self) -> str:
        return "other"

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__


class LyingList(list[Any]):
    def __iter__(self) -> Iterator[Any]:
        return iter([9])

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


class LyingDict(dict[Any, Any]):
    def items(self) -> Any:
        return [(9, 9)]


@pytest.mark.parametrize(
    ("lie", "truth"),
    [(LyingInt(7), 7), (LyingStr("a"), "a"), (LyingList([1]), [1]), (LyingDict({1: 2}), {1: 2}), ([LyingInt(3)], [3])],
    ids=["int", "str", "list", "dict", "within"],
)
def test_subclasses_are_stripped_to_the_value_of_their_base(lie: Any, truth: Any) -> None:
    assert same(crossed(lie), truth)


def test_shared_structure_and_cycles_survive() -> None:
    inner: list[Any] = [1]
    outer = crossed([inner, inner])
    assert outer[0] is outer[1]
    inner.append((inner,))
    cyclic = crossed(inner)
    assert cyclic[1][0] is cyclic


def test_depth_needs_no_recursion() -> None:
    value: Any = 0
    for _ in range(50_000):
        value = (value,)
    arrived, depth = crossed(value), 0
    while arrived != 0:
        (arrived,), depth = arrived, depth + 1
    assert depth == 50_000


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"r": [[0]], "n": []},
        {"r": [[0]], "n": [[0, "unknown", 1]]},
        {"r": [[0]], "n": [[0, "set", [[1]]], [1, "list", []]]},
        {"r": [[0]], "n": [[0, "tuple", [[0]]]]},
        {"r": [[0]], "n": [[0, "list", []], [0, "list", []]]},
        {"r": [[0]], "n": [[True, "list", []]]},
        {"r": [[0]], "n": [[0, "int", "print"]]},
        {"r": [[0]], "n": [[0, "type", "eval"]]},
        {"r": [[0]], "n": [[0, "same", 5]]},
        {"r": [[0]], "n": [[0, "list", [], 7]]},
        {"r": [[0]], "n": [[0, "dict", [1]]]},
        {"r": [[0]], "n": [[0, "str", [1 << 40]]]},
        {"r": 5, "n": 5},
        [],
        None,
    ],
)
def test_forged_messages_are_refused(message: Any) -> None:
    with pytest.raises(Malformed):
        Decoder(lambda content: None).roots(message)


@pytest.fixture
def across() -> Iterator[Callable[[Any], Any]]:
    """Offer an object from a peer in a thread; gives what the other peer accepts."""
    threads: list[threading.Thread] = []
    descriptors: list[int] = []

    def connect(value: Any) -> Any:
        from_there, to_here = os.pipe()
        from_here, to_there = os.pipe()
        descriptors.extend((to_there, to_here, from_there, from_here))

        def serve() -> None:
            there = Peer(from_here, to_here, attributes=True)
            there.offer(value)
            with contextlib.suppress(frames.Ended):
                there.serve()

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        return Peer(from_there, to_there).accept()

    yield connect
    for first in range(0, len(descriptors), 4):
        os.close(descriptors[first])
    for thread in threads:
        thread.join()
    for place, descriptor in enumerate(descriptors):
        if place % 4:
            os.close(descriptor)


def test_calls_take_and_give_values(across: Callable[[Any], Any]) -> None:
    call = across(lambda *positional, **named: (positional, named))
    assert call(1, [2], key=(3,)) == ((1, [2]), {"key": (3,)})


def test_mutated_arguments_are_echoed_and_stay_the_same_objects(across: Callable[[Any], Any]) -> None:
    def change(items: list[Any], table: dict[Any, Any], kept: set[int], raw: bytearray) -> Any:
        items[0].append(items)
        table["new"] = items
        kept.add(3)
        raw.extend(b"!")
        return items

    items, table, kept, raw = [[1], 2], {"old": 1}, {1}, bytearray(b"a")
    inner = items[0]
    result = across(change)(items, table, kept, raw)
    assert result is items
    assert inner[1] is items
    assert table["new"] is items
    assert kept == {1, 3}
    assert raw == b"a!"


def test_unchanged_arguments_come_back_as_themselves(across: Callable[[Any], Any]) -> None:
    items = [[1], [2]]
    assert across(lambda value: value[1])(items) is items[1]


def test_arguments_changed_before_an_exception_are_echoed(across: Callable[[Any], Any]) -> None:
    def change(items: list[int]) -> None:
        items.append(2)
        raise KeyError("late")

    items = [1]
    with pytest.raises(KeyError) as caught:
        across(change)(items)
    assert caught.value.args == ("late",)
    assert items == [1, 2]


def test_callbacks_iterators_and_objects_stay_with_their_owner(across: Callable[[Any], Any]) -> None:
    class Stack:
        def __init__(self) -> None:
            self.items: list[int] = []

        def push(self, item: int) -> "Stack":
            self.items.append(item)
            return self

    assert across(lambda function, values: [function(value) for value in values])(lambda x: x * 2, [1, 2]) == [2, 4]
    assert across(lambda values: sum(values))(value for value in (1, 2, 3)) == 6
    endless = across(lambda: iter(int, 1))()
    assert [next(endless) for _ in range(3)] == [0, 0, 0]
    stack = across(Stack)()
    assert stack.push(4).push(5) == stack
    assert stack.items == [4, 5]
    assert stack != [4, 5]
    with pytest.raises(AttributeError):
        _ = stack._hidden


@pytest.mark.parametrize("error", [ValueError("a", 1), KeyError("k"), ZeroDivisionError("z"), SystemExit(3), KeyboardInterrupt()])
def test_exceptions_arrive_as_themselves(across: Callable[[Any], Any], error: BaseException) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        across(fail)()
    assert caught.value.args == error.args


def test_own_exception_classes_arrive_as_their_nearest_known_base(across: Callable[[Any], Any]) -> None:
    class SpecialError(ValueError):
        pass

    def fail() -> None:
        raise SpecialError("text")

    with pytest.raises(ValueError, match="text") as caught:
        across(fail)()
    assert type(caught.value) is ValueError


def test_a_function_cannot_end_the_loop_of_its_caller(across: Callable[[Any], Any]) -> None:
    def fail(_: Any) -> None:
        raise StopIteration

    with pytest.raises(RuntimeError):
        all(map(across(fail), [1, 2]))
