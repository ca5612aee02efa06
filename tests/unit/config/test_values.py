import math
from typing import Annotated, Literal

import pytest

from hrmlab.config.values import AtLeast, Between, Positive, conform, nearest, show
from hrmlab.core.errors import UserError


@pytest.mark.parametrize(
    ("value", "annotation", "expected"),
    [
        (3, int, 3),
        (3, float, 3.0),
        (0.5, float, 0.5),
        (True, bool, True),
        ("a", str, "a"),
        (2024, str, "2024"),
        (None, int | None, None),
        (3, int | None, 3),
        (3, int | str, 3),
        ("x", int | str, "x"),
        ("rope", Literal["rope", "none"], "rope"),
        ([1, 2], list[int], [1, 2]),
        ({"H": 1, 2: 0.5}, dict[str, float], {"H": 1.0, "2": 0.5}),
        ((1, 2.5), tuple[int, float], [1, 2.5]),
        ([1, 2, 3], tuple[int, ...], [1, 2, 3]),
        (4, Annotated[int, AtLeast(4)], 4),
        (math.inf, float, math.inf),
    ],
)
def test_accepts(value, annotation, expected):
    result = conform(value, annotation, "a.b")
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("value", "annotation", "sentence"),
    [
        (True, int, "a.b=true is not an integer"),
        (2.0, int, "a.b=2.0 is not an integer; write a.b=2"),
        ("x", int, "a.b=x is not an integer"),
        (1, bool, "a.b=1 is not true or false; write true or false"),
        ("1e-4x", float, "a.b=1e-4x is not a number"),
        (math.nan, float, "a.b=nan is not a number; give one"),
        (None, float, "a.b=null is not a number; give a value"),
        (1.5, str, "a.b=1.5 is not text; quote it: 'a.b=\"1.5\"'"),
        ("fp8", Literal["fp32", "bf16"], "a.b=fp8 is not one of fp32, bf16"),
        ("bf61", Literal["fp32", "bf16"], "a.b=bf61 is not one of fp32, bf16; did you mean bf16?"),
        (3, dict[str, float], "a.b=3 is not a mapping; write 'a.b={key:value}', or a.b.<key>=<value>"),
        ({"H": "x"}, dict[str, float], "a.b.H=x is not a number"),
        (
            {"H": 0.0},
            dict[str, Annotated[float, Positive()]],
            "a.b.H=0.0 is not a positive number; give one above 0, or null where that means off",
        ),
        ({"H": {"L": 1.5}}, dict[str, float], "a.b.H={L:1.5} is not a number"),
        (3, list[int], "a.b=3 is not a list; write a.b=[3]"),
        ([1, "x"], list[int], "a.b[1]=x is not an integer"),
        ([1], tuple[int, int], "a.b=[1] has 1 items; give 2"),
        (-1, Annotated[int, AtLeast(0)], "a.b=-1 is below 0; give an integer of at least 0"),
        (0.0, Annotated[float, Positive()], "a.b=0.0 is not a positive number; give one above 0, or null where that means off"),
        (1.0, Annotated[float, Between(0, 1)], "a.b=1.0 is not between 0 and 1; give a number above 0 and below 1"),
        ([], int | str, "a.b=[] is not an integer or text"),
    ],
)
def test_rejects_in_one_sentence(value, annotation, sentence):
    with pytest.raises(UserError) as error:
        conform(value, annotation, "a.b")
    assert str(error.value) == sentence


def test_nearest_forgives_case_and_typing_errors():
    assert nearest("Trainng", ["training", "trainer"]) == "training"
    assert nearest("HRM", ["hrm", "transformer"]) == "hrm"
    assert nearest("zzz", ["hrm", "transformer"]) is None


def test_shows_values_as_a_person_writes_them():
    assert [show(value) for value in (None, True, [1, None], "x", 1.5)] == ["null", "true", "[1,null]", "x", "1.5"]
