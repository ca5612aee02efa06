"""Numbers as a reader wants them."""

import math
import re

from hrmlab.core.measures import Unit
from hrmlab.statistics.intervals import Estimate


class Number(str):
    """A number as it is shown, which remembers its value: tables sort by it, and stores of numbers keep it.

    Attributes:
        value: what is shown, unrounded; None where there is nothing.
    """

    __slots__ = ("value",)

    def __new__(cls, shown: str, value: float | None) -> "Number":
        """The text ``shown`` with its value."""
        made = super().__new__(cls, shown)
        made.value = value
        return made

    def __getnewargs__(self) -> tuple[str, float | None]:  # type: ignore[override] - copies take both
        """What :meth:`__new__` needs again."""
        return str(self), self.value


NOT_AVAILABLE = Number("n/a", None)
NOT_ASKED = "–"
_MINUS = "−"


def percent(value: float | None, *, digits: int = 1) -> Number:
    """0.873 -> ``87.3 %``; never rounds a share below one to 100 % or one above zero to 0 %."""
    if value is None or not math.isfinite(value):
        return NOT_AVAILABLE
    text = f"{100 * value:.{digits}f}"
    for edge in ("0", "100"):
        if float(text) == float(edge) and not math.isclose(100 * value, float(edge), abs_tol=1e-9):
            text = f"{100 * value:.{digits + 2}f}"
    return Number(f"{text} %", 100 * value)


def share_interval(estimate: Estimate | None, *, digits: int = 1) -> str:
    """The interval of a share in percent, cut at 0 and 100: ``[81.2, 93.4]``."""
    if estimate is None or estimate.low is None or estimate.high is None:
        return NOT_AVAILABLE
    return f"[{100 * max(0.0, estimate.low):.{digits}f}, {100 * min(1.0, estimate.high):.{digits}f}]"


def points(value: float | None, *, digits: int = 1) -> Number:
    """A difference of shares in percentage points with its sign: ``+12.3``."""
    if value is None or not math.isfinite(value):
        return NOT_AVAILABLE
    text = f"{100 * value:+.{digits}f}"
    return Number((text.lstrip("+-") if float(text) == 0 else text).replace("-", _MINUS), 100 * value)


def points_interval(low: float | None, high: float | None, *, digits: int = 1) -> str:
    """The interval of a difference in points, cut at what a difference of shares can be: ``[+8.1, +16.5]``."""
    if low is None or high is None:
        return NOT_AVAILABLE
    low, high = max(-1.0, low), min(1.0, high)
    digits += high - low < 0.002  # a narrow interval must not look like a point
    return f"[{points(low, digits=digits)}, {points(high, digits=digits)}]"


def level(value: float | None, unit: Unit, *, named: bool = False) -> Number:
    """A measured value in its unit: ``87.3 %``, ``0.202``; ``named`` adds what else it is counted in: ``0.202 bits per byte``."""
    if unit == "share":
        return percent(value)
    written = _decimal(value)
    return Number(written + _name(unit), value) if named and value is not None else written


def level_with_error(value: float, error: float | None, unit: Unit) -> Number:
    """A mean and its standard error: ``44.5 ± 2.1 %``, ``0.202 ± 0.011``; without an error the mean alone."""
    shown = level(value, unit)
    if error is None or error < 1e-9:  # equal in all seeds, up to rounding
        return shown
    if unit != "share":
        return Number(f"{shown} ± {_decimal(error)}", value)
    plain = shown.removesuffix(" %")
    digits = len(plain.partition(".")[2])  # near 0 and 100 a share has more of them
    return Number(f"{plain} ± {100 * error:.{digits if round(100 * error, digits) else digits + 1}f} %", shown.value)


def level_interval(estimate: Estimate | None, unit: Unit) -> str:
    """The interval of a measured value, of a share cut at 0 and 100, of a code length at 0."""
    if unit == "share":
        return share_interval(estimate)
    if estimate is None or estimate.low is None or estimate.high is None:
        return NOT_AVAILABLE
    low = max(0.0, estimate.low) if unit == "bits per byte" else estimate.low
    return f"[{_decimal(low)}, {_decimal(estimate.high)}]"


def difference(value: float | None, unit: Unit) -> Number:
    """A difference with its sign: of shares in points, otherwise in the unit itself: ``+12.3``, ``−0.041``."""
    return points(value) if unit == "share" else _decimal(value, signed=True)


def difference_interval(low: float | None, high: float | None, unit: Unit) -> str:
    """The interval of a difference: ``[+8.1, +16.5]``."""
    if unit == "share" or low is None or high is None:
        return points_interval(low, high)
    return f"[{_decimal(low, signed=True)}, {_decimal(high, signed=True)}]"


def difference_unit(unit: Unit) -> str:
    """What follows a difference, with a space before it: `` points``, `` bits per byte``; nothing for plain numbers."""
    return " points" if unit == "share" else _name(unit)


def size(value: float, unit: Unit) -> str:
    """How large a difference is, without a sign: ``5 points``, ``12.4 points``, ``0.041``."""
    if unit != "share":
        return f"{_decimal(abs(value))}{_name(unit)}"
    written = f"{100 * abs(value):.1f}".removesuffix(".0")
    return f"{written} {'point' if written == '1' else 'points'}"


def _name(unit: Unit) -> str:
    return "" if unit == "number" else f" {unit}"


def _decimal(value: float | None, *, signed: bool = False) -> Number:
    """Three digits after the point, of large numbers fewer; more where a small one would vanish."""
    if value is None or not math.isfinite(value):
        return NOT_AVAILABLE
    digits = 3 if abs(value) < 1000 else 1
    if 0 < abs(value) < 0.0005:
        return Number(f"{value:{'+' if signed else ''}.1e}".replace("-", _MINUS), value)
    written = f"{value:{'+' if signed else ''}.{digits}f}"
    return Number((written.lstrip("+-") if value == 0 else written).replace("-", _MINUS), value)


def sentence_case(words: str) -> str:
    """The first letter large, all others as they are."""
    return words[:1].upper() + words[1:]


def heading(words: str) -> str:
    """``Exact accuracy``; names that are written with an @ stay as they are: ``pass@1``."""
    return words if "@" in words else sentence_case(words)


def p_value(value: float | None) -> Number:
    """``0.012``, ``< 0.001``."""
    if value is None:
        return NOT_AVAILABLE
    return Number("< 0.001" if value < 0.001 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}", value)


def p_statement(value: float | None) -> str:
    """``p = 0.012``, ``p < 0.001``."""
    text = p_value(value)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def quantity(value: float | None, unit: str = "", *, digits: int = 3) -> Number:
    """A number with an SI prefix: 3.4e12 FLOPs -> ``3.40 TFLOPs``, 16e6 -> ``16.0 M``."""
    if value is None or not math.isfinite(value):
        return NOT_AVAILABLE
    prefixes = ["", "k", "M", "G" if unit else "B", "T", "P", "E", "Z"]
    power = 0 if value == 0 else min(len(prefixes) - 1, max(0, int(math.log10(abs(value)) // 3)))
    scaled = value / 1000**power
    if abs(float(f"{scaled:.{digits}g}")) >= 1000 and power < len(prefixes) - 1:
        scaled, power = scaled / 1000, power + 1
    whole = len(str(int(abs(scaled))))
    plain = power == 0 and float(value).is_integer()
    text = f"{scaled:.0f}" if plain else f"{scaled:.{max(0, digits - whole)}f}"
    return Number(f"{text} {prefixes[power]}{unit}".strip(), value)


def count(value: float | None) -> Number:
    """A whole number with thin groups: 1234567 -> ``1,234,567``."""
    return NOT_AVAILABLE if value is None or not math.isfinite(value) else Number(f"{round(value):,}", value)


def decimal(value: float | None, *, digits: int = 2) -> Number:
    """A plain decimal number."""
    return NOT_AVAILABLE if value is None or not math.isfinite(value) else Number(f"{value:.{digits}f}", value)


def duration(seconds: float | None) -> Number:
    """``42 s``, ``7.5 min``, ``3.2 h``."""
    if seconds is None or not math.isfinite(seconds):
        return NOT_AVAILABLE
    if seconds < 120:
        return Number(f"{seconds:.0f} s", seconds)
    return Number(f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h", seconds)


def memory(number: float | None) -> Number:
    """Bytes in MiB or GiB."""
    if number is None or not math.isfinite(number):
        return NOT_AVAILABLE
    return Number(f"{number / 2**20:.0f} MiB" if number < 2**30 else f"{number / 2**30:.2f} GiB", number)


def words(name: str) -> str:
    """``valid_shortest_path`` -> ``valid shortest path``."""
    return name.replace("_", " ").replace("/", " ")


def listing(items: list[str], *, conjunction: str = "and") -> str:
    """``a, b and c``."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {conjunction} {items[-1]}" if items else ""


def plural(number: int, noun: str) -> str:
    """``1 seed``, ``3 seeds``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def wrapped(label: str, *, width: int = 26) -> str:
    """A long name in several lines, broken after spaces, underscores and commas, for a figure."""
    lines = [""]
    for piece in re.split(r"(?<=[ _,])", label):
        if lines[-1] and len(lines[-1]) + len(piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.rstrip() for line in lines)
