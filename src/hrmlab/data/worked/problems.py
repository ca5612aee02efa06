"""The kinds of worked problems, each drawn at random: what is asked, the expression that answers it, and a solution in steps."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from hrmlab.data.worked.answers import as_text
from hrmlab.data.worked.expressions import Expression, Operation, computation, normal_form, value, written

_LARGEST_VALUE = 99


class Problem(NamedTuple):
    """A problem with its solution.

    Attributes:
        prompt: what a model reads.
        solution: what it is to write.
        depth: operations.
        known: equal for problems of which one gives away the other: of any kind, with one expression up to the order of sums and products.
        test: source of ``check(candidate)`` for a function to be written; empty where the answer is a number.
        expression: what comes to that number; empty where there is none.
    """

    prompt: str
    solution: str
    depth: int
    known: str
    test: str = ""
    expression: str = ""


def arithmetic(random: np.random.Generator, *, depth: int, largest: int) -> Problem:
    """Sums and differences of so many operations, computed from the left, never below 0: ``3+5-2=?``."""
    expression = _row(random, "+-", depth=depth, largest=largest)
    return solved(f"{written(expression)}=?", expression)


def chain(random: np.random.Generator, *, depth: int, largest: int) -> Problem:
    """Products and parentheses as well, every value between 0 and 99: ``(3+4)*2-1=?``."""
    while True:
        expression = _tree(random, depth, largest)
        if _within_bounds(expression):
            return solved(f"{written(expression)}=?", expression)


_NAMES = ("Ann", "Ben", "Eva", "Tom")
_THINGS = ("pens", "nuts", "cups", "eggs")
_MORE, _LESS = ("buys {} more", "finds {} more", "gets {}"), ("loses {}", "gives away {}", "sells {}")


def word_problem(random: np.random.Generator, *, depth: int, largest: int) -> Problem:
    """The same as a story: ``Ann has 3 pens, buys 5 more, loses 2. How many pens?``"""
    expression = _row(random, "+-", depth=depth, largest=largest)
    parts, rest = [], expression
    while isinstance(rest, Operation):
        wording = _drawn(random, _MORE if rest.symbol == "+" else _LESS)
        parts.append(wording.format(rest.right))
        rest = rest.left
    things = _drawn(random, _THINGS)
    story = ", ".join([f"{_drawn(random, _NAMES)} has {rest} {things}", *reversed(parts)])
    return solved(f"{story}. How many {things}?", expression)


_WORDS = {"+": "plus", "-": "minus", "*": "times"}
_SHOWN, _HIDDEN = (1,), (0, 2, 3, 7, 11)
"""Arguments whose values stand in the prompt, and those that a program is tested with; no value that is shown is tested."""


def function(random: np.random.Generator, *, depth: int, largest: int) -> Problem:
    """A function of one number in words and one of its values: ``f(x): x times 3, plus 2; f(1)=5. f(x)=?``; asked is an expression of x."""
    words, code, known, before = [], "x", "x", "*"
    for _ in range(depth):
        symbol, number = _drawn(random, "+-*"), int(random.integers(1, largest + 1))
        words.append(f"{_WORDS[symbol]} {number}")
        code = f"({code})*{number}" if symbol == "*" and before != "*" else f"{code}{symbol}{number}"
        known, before = f"({known}{symbol}{number})", symbol

    def of(argument: int) -> int:
        return eval(code, {"__builtins__": {}}, {"x": argument})  # made above

    shown = ", ".join(f"f({argument})={of(argument)}" for argument in _SHOWN)
    tests = "".join(f"    assert candidate({argument}) == {of(argument)}\n" for argument in _HIDDEN)
    in_words = f"x {', '.join(words)}"
    solution = as_text([in_words], code)
    return Problem(f"f(x): {in_words}; {shown}. f(x)=?", solution, depth, f"f {known}", f"def check(candidate):\n{tests}")


KINDS: dict[str, Callable[..., Problem]] = {
    "arithmetic": arithmetic,
    "word_problems": word_problem,
    "chain": chain,
    "functions": function,
}
"""By name; each takes a random generator, ``depth`` and ``largest``, the largest number that is written."""


def solved(prompt: str, expression: Expression) -> Problem:
    """A prompt that asks for what an expression comes to, with its solution in steps."""
    steps = [str(step) for step in computation(expression)]
    solution = as_text(steps, str(value(expression)))
    return Problem(prompt, solution, len(steps), normal_form(expression), expression=written(expression))


def _row(random: np.random.Generator, symbols: str, *, depth: int, largest: int) -> Expression:
    """Operations computed from the left, every value from 0 on."""
    expression: Expression = int(random.integers(0, largest + 1))
    for _ in range(depth):
        symbol = _drawn(random, symbols)
        most = min(largest, value(expression)) if symbol == "-" else largest
        expression = Operation(symbol, expression, int(random.integers(0, most + 1)))
    return expression


def _tree(random: np.random.Generator, depth: int, largest: int) -> Expression:
    if depth == 0:
        return int(random.integers(0, largest + 1))
    on_the_left = int(random.integers(0, depth))
    symbol = _drawn(random, "+-*")
    return Operation(symbol, _tree(random, on_the_left, largest), _tree(random, depth - 1 - on_the_left, largest))


def _within_bounds(expression: Expression) -> bool:
    if isinstance(expression, int):
        return True
    return 0 <= value(expression) <= _LARGEST_VALUE and _within_bounds(expression.left) and _within_bounds(expression.right)


def _drawn(random: np.random.Generator, choices: Sequence[str]) -> str:
    return choices[int(random.integers(0, len(choices)))]
