"""How long a sample may run: as long as told, or a multiple of what the problem's own solution takes where that is slow.

EvalPlus's rule (Liu et al. 2023; ``max(min_time_limit, gt_time_limit_factor * reference)`` in ``evalplus/eval``, factor 4, a task's limit
60 s by default), here for all of a problem's tests together. Some of HumanEval+'s inputs take its own solutions longer than a limit that
suits all others. The reference is timed in the same sandbox, and only for problems of which a sample has run out of time.
"""

from collections.abc import Iterator, Sequence

from hrmlab.sandbox import Executor, Sample, Verdict

REFERENCE_FACTOR = 4.0
MOST_REFERENCE_SECONDS = 60.0
"""A reference that takes longer than this leaves its problem with the limit that all have."""

TIMED_OUT = "timed out"


def judge_in_time(executor: Executor, samples: Sequence[Sample], references: Sequence[Sample | None]) -> Iterator[tuple[int, Verdict]]:
    """Judge samples; those that run out of time once more under the limit of their problem, where that is longer.

    Args:
        executor: whose timeout is the least limit of every problem.
        references: for each sample the problem's own solution, or None where there is none.

    Yields:
        (position among the samples, verdict), each position once, those without a final verdict at the first try last.
    """
    late: list[tuple[int, Verdict]] = []
    for position, verdict in executor.judge(samples):
        if verdict.result == TIMED_OUT and references[position] is not None:
            late.append((position, verdict))
        else:
            yield position, verdict
    slow = list(dict.fromkeys(reference for position, _ in late if (reference := references[position]) is not None))
    limits: dict[Sample, float] = {}
    for place, verdict in executor.judge([reference._replace(timeout=MOST_REFERENCE_SECONDS) for reference in slow]):
        if verdict.passed:
            limits[slow[place]] = REFERENCE_FACTOR * verdict.seconds
    longer: list[tuple[int, float]] = []
    for position, verdict in late:
        reference = references[position]
        limit = 0.0 if reference is None else limits.get(reference, 0.0)
        if limit > executor.timeout:
            longer.append((position, limit))
        else:
            yield position, verdict
    for place, verdict in executor.judge([samples[position]._replace(timeout=limit) for position, limit in longer]):
        yield longer[place][0], verdict
