"""A line for the person who waits, from wherever in the program."""

import sys

from hrmlab.core.processes import process_rank


def notice(sentence: str) -> None:
    """One line on standard error, from the first process of a distributed run only."""
    if process_rank() == 0:
        print(f"hrmlab: {' '.join(sentence.split())}", file=sys.stderr, flush=True)
