"""How much of an output is its input: a model that copies can look accurate token by token."""

from collections.abc import Iterable

MINIMUM = 8
"""Characters in a row that count as copied."""


def copied_share(source: str, output: str, *, minimum: int = MINIMUM) -> float:
    """Share of the output's characters that lie in stretches of ``minimum`` or more that stand literally in the source; 0 for no output."""
    if not output:
        return 0.0
    known = {source[start : start + minimum] for start in range(len(source) - minimum + 1)}
    covered, until = 0, 0
    for start in range(len(output) - minimum + 1):
        if output[start : start + minimum] in known:
            covered += start + minimum - max(start, until)
            until = start + minimum
    return covered / len(output)


def mean_copied_share(pairs: Iterable[tuple[str, str]]) -> float:
    """Mean of :func:`copied_share` over (source, output) pairs; 0 for none."""
    shares = [copied_share(source, output) for source, output in pairs]
    return sum(shares) / len(shares) if shares else 0.0
