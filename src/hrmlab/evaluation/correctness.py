"""Which cells and which whole answers of a prediction are right."""

from typing import NamedTuple

from torch import Tensor

from hrmlab.core.task import IGNORED_LABEL


class Correctness(NamedTuple):
    """Per example, (B,) each: ``exact`` (every asked cell right), ``cells_right`` and ``cells`` (asked cells)."""

    exact: Tensor
    cells_right: Tensor
    cells: Tensor


def correctness(answers: Tensor, labels: Tensor) -> Correctness:
    """Compare (B, S) token ids with (B, S) labels; an example that asks nothing counts as exact, as in the HRM release."""
    asked = labels != IGNORED_LABEL
    right = (answers == labels) & asked
    cells, cells_right = asked.sum(-1), right.sum(-1)
    return Correctness(cells_right == cells, cells_right, cells)
