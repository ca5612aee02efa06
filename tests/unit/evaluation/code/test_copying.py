"""How much of an output stands in its input."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrmlab.evaluation.code.copying import copied_share, mean_copied_share


def test_stretches_count_once_and_short_ones_not_at_all() -> None:
    assert copied_share("abcdefghij", "abcdefghij") == 1.0
    assert copied_share("abcdefghij", "xxabcdefghxx") == pytest.approx(8 / 12)
    assert copied_share("abcdefghij", "abcdefg") == 0.0
    assert copied_share("abcdefghij", "abcdefgh.cdefghij") == pytest.approx(16 / 17)
    assert copied_share("anything", "") == 0.0
    assert mean_copied_share([("abcdefgh", "abcdefgh"), ("abcdefgh", "12345678")]) == 0.5
    assert mean_copied_share([]) == 0.0


@given(st.text(alphabet="ab", max_size=40), st.text(alphabet="ab", max_size=40))
def test_share_is_that_of_marked_characters(source: str, output: str) -> None:
    marked = [False] * len(output)
    for start in range(len(output) - 7):
        if output[start : start + 8] in source:
            marked[start : start + 8] = [True] * 8
    assert copied_share(source, output) == pytest.approx(sum(marked) / len(output) if output else 0.0)
