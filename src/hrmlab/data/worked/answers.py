"""What a model writes, taken apart: ``<think>thought</think><SOLUTION>solution</SOLUTION>``, each tag once, nothing beside them."""

import re
from typing import NamedTuple

from hrmlab.data.written.tokenizer import REASONING_TOKENS

THINK, END_THINK, SOLUTION, END_SOLUTION = REASONING_TOKENS
_NUMBER = re.compile(r"-?\d{1,18}", re.ASCII)
_SEPARATOR = ";"
"""Between the steps of a thought."""


class Answer(NamedTuple):
    """A thought and the solution that follows it, both without their tags."""

    thought: str
    solution: str

    @property
    def lines(self) -> list[str]:
        """The steps of the thought."""
        return self.thought.split(_SEPARATOR)

    @property
    def number(self) -> int | None:
        """The solution where it is one whole number and nothing else; None otherwise."""
        return int(self.solution) if _NUMBER.fullmatch(self.solution) else None


def as_text(lines: list[str], solution: str) -> str:
    """A thought of these steps and a solution as a model is to write them."""
    return f"{THINK}{_SEPARATOR.join(lines)}{END_THINK}{SOLUTION}{solution}{END_SOLUTION}"


def read_answer(text: str) -> Answer | None:
    """The answer that a text is; None where a tag is missing, repeated or out of place, a part is empty, or anything stands beside them."""
    if any(text.count(tag) != 1 for tag in REASONING_TOKENS):
        return None
    start, rest = text[: len(THINK)], text[len(THINK) :]
    thought, middle, rest = rest.partition(END_THINK + SOLUTION)
    if start != THINK or not middle or not rest.endswith(END_SOLUTION):
        return None
    solution = rest.removesuffix(END_SOLUTION)
    return Answer(thought, solution) if thought.strip() and solution.strip() else None
