"""Finds questions that a file answers in two ways: no model can learn both."""

import numpy as np

from hrmlab.core.task import IGNORED_LABEL
from hrmlab.data.fingerprint import row_hash


def two_answers(questions: np.ndarray, answers: np.ndarray) -> tuple[int, int] | None:
    """Two rows with one question and different answers, the earlier one first; None where there are none.

    Cells at which one of the two asks nothing do not count as different.

    Args:
        questions: (N, K) integers: inputs, with whatever else tells questions apart.
        answers: (N, S) token ids.
    """
    fingerprints = row_hash(questions)
    order = np.argsort(fingerprints, kind="stable")
    repeated = np.flatnonzero(fingerprints[order[1:]] == fingerprints[order[:-1]])
    earlier, later = order[repeated], order[repeated + 1]
    one, other = answers[earlier], answers[later]
    differs = ((one != other) & (one != IGNORED_LABEL) & (other != IGNORED_LABEL)).any(axis=1)
    differs &= (questions[earlier] == questions[later]).all(axis=1)
    if not differs.any():
        return None
    first = np.flatnonzero(differs)[later[differs].argmin()]
    return int(earlier[first]), int(later[first])
