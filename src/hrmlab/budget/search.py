"""The search for the arguments that bring a model to its parameter count. Knows no architecture: only what an arm declares."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hrmlab.core.errors import UserError
from hrmlab.models.sizing import Filling, Quotient, Solved, Width

TOLERANCE = 0.01
_ROUND = (8, 2, 1)
"""Fillings are multiples of as large a one of these as the tolerance allows."""
_FEW, _AROUND, _WIDEST = 64, 8, 1 << 20

Arguments = dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Sizing:
    """A model, the budget, and how to count.

    Attributes:
        model: section of ``conf/model``; what is null is solved.
        size: section of ``conf/size``.
        declared: of the model's class.
        count: parameters (of the kind that is matched) with these arguments.
    """

    model: Mapping[str, Any]
    size: Mapping[str, Any]
    declared: Sequence[Solved]
    count: Callable[[Mapping[str, int]], int]

    @property
    def target(self) -> int:
        """Parameters asked for."""
        return self.size["parameters"]

    def free(self, kind: type[Solved]) -> list[Any]:
        """The declared arguments of a kind that the user left to the budget."""
        return [item for item in self.declared if isinstance(item, kind) and self.model.get(item.argument) is None]

    @property
    def is_left_alone(self) -> bool:
        """Whether the user fixed none of the declared arguments himself."""
        return all(self.model.get(item.argument) is None for item in self.declared)


def solve(sizing: Sizing) -> Arguments:
    """A value for every declared argument.

    With a filling, the width at which it comes closest to its preferred ratio, and of the fillings within the tolerance the roundest.
    Without one, the nearest width, which must be within the tolerance unless the user fixed an argument: then the report prints the gap.

    Raises:
        UserError: values that do not divide, or a budget that cannot be met; the sentence says what can.
    """
    fillings = sizing.free(Filling)
    if not fillings:
        return _nearest(sizing)
    found = _filled(sizing, fillings, linear=True)
    if found is not None and abs(sizing.count(found) / sizing.target - 1) > TOLERANCE:  # the count does not grow linearly
        found = _filled(sizing, fillings, linear=False)
    if found is None:
        raise UserError(_unmet(sizing, _narrowest(sizing, fillings)))
    return found


# ---- with a filling ----------------------------------------------------------------------------------------------------------------------


def _filled(sizing: Sizing, fillings: Sequence[Filling], *, linear: bool) -> Arguments | None:
    best: tuple[float, Arguments] | None = None
    for width in _candidates(sizing, fillings):

        def count(value: int, width: Arguments = width) -> int:
            return sizing.count({**width, **_together(fillings, value)})

        narrowest = count(1)
        if narrowest > sizing.target * (1 + TOLERANCE):
            break
        value = _fitting(sizing.target, narrowest, count, linear=linear)
        if value is None:
            continue
        first = fillings[0]
        beside = width.get(first.beside) or sizing.model[first.beside]
        distance = abs(math.log(value / beside / first.ratio))
        if best is None or distance < best[0]:
            best = (distance, {**width, **_together(fillings, value)})
    return None if best is None else best[1]


def _together(fillings: Sequence[Filling], value: int) -> Arguments:
    """The first filling at this value, the others in their ratio to it."""
    return {item.argument: max(1, round(value * item.ratio / fillings[0].ratio)) for item in fillings}


def _fitting(target: int, narrowest: int, count: Callable[[int], int], *, linear: bool) -> int | None:
    """The value, as round a number as possible, that brings the count within tolerance of the target."""
    start, below = (1, narrowest) if linear else _last_below(target, narrowest, count)
    slope = count(start + 1) - below
    exact = start + (target - below) / slope
    for multiple in _ROUND:
        value = max(multiple, round(exact / multiple) * multiple)
        counted = below + (value - start) * slope if linear else count(value)
        if abs(counted / target - 1) <= TOLERANCE:
            return value
    return None


def _last_below(target: int, narrowest: int, count: Callable[[int], int]) -> tuple[int, int]:
    """The largest value whose count is not above the target, and its count; counts grow with the value."""
    low, counted, high = 1, narrowest, 2
    while (at := count(high)) <= target:
        low, counted, high = high, at, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        at = count(middle)
        if at <= target:
            low, counted = middle, at
        else:
            high = middle
    return low, counted


def _candidates(sizing: Sizing, fillings: Sequence[Filling]) -> Iterator[Arguments]:
    """Widths to try, narrow to wide, up to twice the one at which the filling has its preferred ratio (of a model whose count hardly grows
    with its width alone, the budget would end them much later); where that would be very many, those around it."""
    if not sizing.free(Width):
        yield _arguments(sizing, 1)
        return
    first = fillings[0]

    def preferred(factor: int) -> int:
        width = _arguments(sizing, factor)
        beside = width.get(first.beside) or sizing.model[first.beside]
        return sizing.count({**width, **_together(fillings, max(1, round(beside * first.ratio)))})

    middle = _crossing(sizing, preferred)
    start, stop = (1, 2 * middle + _AROUND) if middle <= _FEW else (middle - _AROUND, middle + _AROUND + 1)
    for factor in range(start, stop):
        yield _arguments(sizing, factor)


def _narrowest(sizing: Sizing, fillings: Sequence[Filling]) -> list[tuple[int, Arguments]]:
    arguments = {**_arguments(sizing, 1), **_together(fillings, 1)}
    return [(sizing.count(arguments), arguments)]


# ---- without a filling -------------------------------------------------------------------------------------------------------------------


def _nearest(sizing: Sizing) -> Arguments:
    if not sizing.free(Width):
        options = [_arguments(sizing, 1)]
    else:
        above = _crossing(sizing, lambda factor: sizing.count(_arguments(sizing, factor)))
        options = [_arguments(sizing, factor) for factor in (above - 1, above) if factor >= 1]
    counted = [(sizing.count(arguments), arguments) for arguments in options]
    best = min(counted, key=lambda pair: abs(pair[0] / sizing.target - 1))
    fixed_by_the_user = bool(sizing.declared) and not sizing.is_left_alone
    if abs(best[0] / sizing.target - 1) > TOLERANCE and not fixed_by_the_user:
        raise UserError(_unmet(sizing, counted))
    return best[1]


# ---- what both share ---------------------------------------------------------------------------------------------------------------------


def _crossing(sizing: Sizing, count: Callable[[int], int]) -> int:
    """The smallest factor of the width's step whose count reaches the target."""
    high = 1
    while count(high) < sizing.target:
        high *= 2
        if high > _WIDEST:
            raise UserError(f"size.parameters={sizing.target:,} is more than model '{sizing.model['name']}' can be made wide for; lower it")
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if count(middle) >= sizing.target else (middle, high)
    return high


def _arguments(sizing: Sizing, factor: int) -> Arguments:
    """Width and quotients when each free width is ``factor`` times its step, and what the user fixed; fillings that are free are left out.

    Raises:
        UserError: a fixed width that cannot be divided.
    """
    found: Arguments = {
        item.argument: sizing.model[item.argument] for item in sizing.declared if sizing.model.get(item.argument) is not None
    }
    quotients = [item for item in sizing.declared if isinstance(item, Quotient)]
    for item in quotients:
        divisor = sizing.size[item.by]
        if item.even and divisor % 2:
            raise UserError(f"size.{item.by}={divisor} is odd; rotary positions need an even one, for example {divisor + 1}")
    for item in sizing.free(Width):
        fixed = next((found[each.argument] for each in quotients if each.of == item.argument and each.argument in found), None)
        step = item.step if isinstance(item.step, int) else sizing.size[item.step]
        found[item.argument] = factor * (step if fixed is None else fixed * 2)
    for item in quotients:
        width, divisor = found[item.of], sizing.size[item.by]
        if item.argument not in found:
            if width % divisor:
                raise UserError(_not_divisible(f"model.{item.of}", width, f"size.{item.by}", divisor))
            found[item.argument] = width // divisor
        parts = found[item.argument] * (2 if item.even else 1)
        if width % parts:
            times = "2 x " if item.even else ""
            raise UserError(_not_divisible(f"model.{item.of}", width, f"{times}model.{item.argument}", parts))
    return found


def _not_divisible(field: str, value: int, divisor_name: str, divisor: int) -> str:
    nearest = max(1, round(value / divisor)) * divisor
    return f"{field}={value} is not divisible by {divisor_name}={divisor}; nearest is {nearest}"


def _unmet(sizing: Sizing, counted: Sequence[tuple[int, Arguments]]) -> str:
    """Why the budget cannot be met, and what can."""
    name = sizing.model["name"]
    steps = {item.step for item in sizing.declared if isinstance(item, Width) and isinstance(item.step, str)}
    under = "".join(f" with size.{step}={sizing.size[step]}" for step in sorted(steps))
    nearest = " and ".join(
        f"{count:,}" + (f" ({', '.join(f'{key}={value}' for key, value in arguments.items())})" if arguments else "")
        for count, arguments in counted
    )
    if not sizing.declared:
        return (
            f"size.parameters={sizing.target:,} is not what model '{name}' has, {nearest}, and nothing in it can be solved; set it to that"
        )
    if sizing.free(Filling):
        return (
            f"size.parameters={sizing.target:,} cannot be met by model '{name}'{under}: the narrowest has {nearest}; choose a larger size, "
            "a smaller head_size or fewer layers"
        )
    return f"size.parameters={sizing.target:,} cannot be met within 1 % by model '{name}'{under}; nearest are {nearest}; set it to one"
