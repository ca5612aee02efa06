"""Readings of logged curves: exact on lines, bounded by their neighbours, refused where they would be guesses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrmlab.statistics.curves import common_end, read_at

X = [100.0, 200.0, 300.0, 400.0, 800.0]
Y = [0.1, 0.3, 0.2, 0.6, 0.9]


@pytest.mark.parametrize(("place", "value"), [(100, 0.1), (400, 0.6), (350, 0.4), (800, 0.9)])
def test_linear_between_points_and_exact_at_them(place: float, value: float) -> None:
    assert read_at(X, Y, place, widest=0.3).value == pytest.approx(value)


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (99, "the first value was logged at 100"),
        (801, "the curve ends at 800"),
        (500, "logged too seldom: nothing between 400 and 800"),
    ],
)
def test_no_guess_beyond_the_data_or_across_a_wide_gap(place: float, reason: str) -> None:
    reading = read_at(X, Y, place)
    assert reading.value is None
    assert reading.reason == reason


def test_an_empty_curve_has_no_reading_and_bad_ones_are_errors() -> None:
    assert read_at([], [], 5).reason == "no value was logged"
    assert common_end([]) is None
    assert common_end([3.0, 2.0]) == 2.0
    for x, y, words in (([1, 1], [0, 1], "increase"), ([1, 2], [0], "do not go with"), ([1, 2], [0, np.nan], "finite")):
        with pytest.raises(ValueError, match=words):
            read_at(x, y, 1)


@given(
    st.lists(st.floats(0.1, 10), min_size=2, max_size=20),
    st.lists(st.floats(0, 1), min_size=20, max_size=20),
    st.floats(0, 1),
    st.floats(1e-3, 1e6),
)
def test_a_reading_lies_between_its_neighbours_in_any_unit_of_x(gaps: list[float], values: list[float], part: float, unit: float) -> None:
    x = np.cumsum(gaps)
    y = np.array(values[: len(x)])
    place = x[0] + part * (x[-1] - x[0])
    reading = read_at(x, y, place, widest=np.inf).value
    after = min(max(int(np.searchsorted(x, place)), 1), len(x) - 1)
    assert reading is not None
    assert min(y[after - 1 : after + 1]) - 1e-6 <= reading <= max(y[after - 1 : after + 1]) + 1e-6
    assert read_at(x * unit, y, place * unit, widest=np.inf).value == pytest.approx(reading, abs=1e-4)
