"""Expressions of whole numbers, and steps that compute one: each replaces one operation whose operands are known by its value."""

import ast
import re
from collections.abc import Sequence
from typing import NamedTuple, Union

Expression = Union[int, "Operation"]

_PRECEDENCE = {"+": 1, "-": 1, "*": 2}
_STEP = re.compile(r"(-?\d{1,9})([-+*])(-?\d{1,9})=(-?\d{1,18})", re.ASCII)


class Operation(NamedTuple):
    """An operation, ``+``, ``-`` or ``*``, of two expressions."""

    symbol: str
    left: Expression
    right: Expression


class Step(NamedTuple):
    """A line such as ``3+5=8``: an operation of two numbers, and what is said to come out."""

    symbol: str
    left: int
    right: int
    result: int

    @property
    def right_by_itself(self) -> bool:
        """Whether the result is that of the operation."""
        return value(Operation(self.symbol, self.left, self.right)) == self.result

    def __str__(self) -> str:
        return f"{self.left}{self.symbol}{self.right}={self.result}"


def value(expression: Expression) -> int:
    """What an expression comes to."""
    if isinstance(expression, int):
        return expression
    left, right = value(expression.left), value(expression.right)
    match expression.symbol:
        case "+":
            return left + right
        case "-":
            return left - right
        case _:
            return left * right


def operations(expression: Expression) -> int:
    """How many operations an expression has, and so how many steps compute it."""
    if isinstance(expression, int):
        return 0
    return 1 + operations(expression.left) + operations(expression.right)


def written(expression: Expression) -> str:
    """An expression as text, with the parentheses that it needs where operations of equal rank are computed from the left."""
    if isinstance(expression, int):
        return str(expression)
    rank = _PRECEDENCE[expression.symbol]
    left, right = _within(expression.left, rank), _within(expression.right, rank + 1)
    return f"{left}{expression.symbol}{right}"


def _within(part: Expression, rank: int) -> str:
    text = written(part)
    return f"({text})" if isinstance(part, Operation) and _PRECEDENCE[part.symbol] < rank else text


_SYMBOLS: dict[type, str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}


def parsed(text: str) -> Expression:
    """The expression that :func:`written` wrote.

    Raises:
        ValueError: it is no expression of whole numbers.
    """

    def of(node: ast.expr) -> Expression:
        if isinstance(node, ast.Constant) and type(node.value) is int:
            return node.value
        if isinstance(node, ast.BinOp) and type(node.op) in _SYMBOLS:
            return Operation(_SYMBOLS[type(node.op)], of(node.left), of(node.right))
        raise ValueError(f"{text!r} is no expression of whole numbers")

    return of(ast.parse(text, mode="eval").body)


def normal_form(expression: Expression) -> str:
    """A text that is equal for expressions that differ in the order of what is added or multiplied alone: ``3+5`` and ``5+3``."""
    if isinstance(expression, int):
        return str(expression)
    parts = [normal_form(expression.left), normal_form(expression.right)]
    if expression.symbol != "-":
        parts.sort()
    return f"({parts[0]}{expression.symbol}{parts[1]})"


def computation(expression: Expression) -> list[Step]:
    """The steps that compute an expression, innermost from the left first."""
    steps = []
    while isinstance(expression, Operation):
        symbol, left, right = _first_ready(expression)
        step = Step(symbol, left, right, value(Operation(symbol, left, right)))
        steps.append(step)
        expression = _replaced(expression, step)[0]
    return steps


def _first_ready(expression: Operation) -> tuple[str, int, int]:
    if isinstance(expression.left, Operation):
        return _first_ready(expression.left)
    if isinstance(expression.right, Operation):
        return _first_ready(expression.right)
    return expression.symbol, expression.left, expression.right


def read_step(text: str) -> Step | None:
    """The step that a line is; None where it is none."""
    found = _STEP.fullmatch(text)
    return None if found is None else Step(found[2], int(found[1]), int(found[3]), int(found[4]))


def right_steps(expression: Expression, lines: Sequence[str]) -> tuple[int, Expression]:
    """How many of these lines are steps of this computation, and what of the expression is left to compute after them.

    A line counts where its result is right and its operation stands in what is left, both operands known. So a line that is true and beside
    the point (``1+1=2``), one that was given already, and one that is wrong count nothing, and change nothing of what is left.
    """
    right, left = 0, expression
    for line in lines:
        step = read_step(line)
        if step is None or not step.right_by_itself:
            continue
        left, done = _replaced(left, step)
        right += done
    return right, left


def _replaced(expression: Expression, step: Step) -> tuple[Expression, bool]:
    """The expression with the first place of a step's operation replaced by its result; whether there was one."""
    if isinstance(expression, int):
        return expression, False
    if expression == (step.symbol, step.left, step.right):
        return step.result, True
    left, done = _replaced(expression.left, step)
    if done:
        return expression._replace(left=left), True
    right, done = _replaced(expression.right, step)
    return (expression._replace(right=right), True) if done else (expression, False)
