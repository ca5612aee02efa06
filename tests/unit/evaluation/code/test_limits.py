"""A problem whose own solution is slow gets a longer limit; all others keep theirs."""

from collections.abc import Iterable, Iterator
from typing import Any

from hrmlab.evaluation.code.limits import MOST_REFERENCE_SECONDS, REFERENCE_FACTOR, judge_in_time
from hrmlab.sandbox import Sample, Verdict


class Clock:
    """An executor of samples whose completion says how long it runs, in seconds."""

    timeout = 3.0

    def __init__(self) -> None:
        self.judged: list[Sample] = []

    def judge(self, samples: Iterable[Sample]) -> Iterator[tuple[int, Verdict]]:
        for position, sample in enumerate(samples):
            self.judged.append(sample)
            limit, seconds = sample.timeout or self.timeout, float(sample.completion)
            passed = seconds <= limit
            yield position, Verdict(passed, "passed" if passed else "timed out", "clock", min(seconds, limit))


def found(times: list[tuple[str, str | None]]) -> tuple[dict[int, bool], list[Sample]]:
    clock: Any = Clock()
    samples = [Sample("", taken, f"test {reference}", "f") for taken, reference in times]
    references = [
        None if reference is None else sample._replace(completion=reference) for sample, (_, reference) in zip(samples, times, strict=True)
    ]
    verdicts = list(judge_in_time(clock, samples, references))
    assert sorted(position for position, _ in verdicts) == list(range(len(times)))
    return {position: verdict.passed for position, verdict in verdicts}, clock.judged


def test_slow_references_lengthen_the_limit_of_their_problem_alone() -> None:
    passed, judged = found([("1", "9"), ("35", "9"), ("37", "9"), ("5", "0.1"), ("5", None), ("5", "61"), ("9", "9")])
    assert passed == {0: True, 1: True, 2: False, 3: False, 4: False, 5: False, 6: True}
    assert [sample.timeout for sample in judged] == [None] * 7 + [MOST_REFERENCE_SECONDS] * 3 + [REFERENCE_FACTOR * 9] * 3


def test_references_are_not_run_where_nothing_is_late() -> None:
    assert len(found([("1", "9"), ("2", "0.1")])[1]) == 2
