"""A compilation is announced once, and what is compiled already is not."""

import numpy as np
import pytest
from numba import njit

from hrmlab.data.compiling import announced


def test_the_first_compilation_is_announced_and_only_that(capsys: pytest.CaptureFixture[str]) -> None:
    @njit
    def twice(value):
        return value + value

    with announced():
        assert twice(1) == 2
        assert twice(np.float64(1.5)) == 3.0  # another signature compiles again
    said = capsys.readouterr().err
    assert said.count("compiling the puzzle generators and solvers") == 1
    with announced():
        assert twice(2) == 4
    assert capsys.readouterr().err == ""
