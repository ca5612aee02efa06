"""Rewards: pure functions of a problem and of what was written, each from 0 to 1, or from -1 to 0 where it is a penalty.

None is had by form alone beyond its own: every reward but the penalty is 0 unless the text is one answer, each tag once and in its place
(:func:`hrmlab.data.worked.answers.read_answer`). So repeated tags, several numbers, or text beside the answer earn nothing.
"""

import re
from collections.abc import Callable

from hrmlab.data.worked.answers import Answer, read_answer
from hrmlab.data.worked.expressions import operations, parsed, right_steps
from hrmlab.data.written.record import CodeRecord
from hrmlab.data.written.tokenizer import REASONING_TOKENS
from hrmlab.sandbox.samples import Sample

Reward = Callable[[CodeRecord, str], float]

_PIECE = re.compile(rf"{'|'.join(map(re.escape, REASONING_TOKENS))}|\w+|\S")
_RUN = 3
"""So many pieces in a row are a repetition where they stand again."""
_ROOM = 2.0
"""Times the model answer's length, beyond which a text is too long."""
_LONGEST_PROGRAM = 200


def format_reward(record: CodeRecord, text: str) -> float:
    """1 for one answer in its form, whatever it says."""
    return float(read_answer(text) is not None)


def answer_reward(record: CodeRecord, text: str) -> float:
    """1 where the solution is the right number and nothing else."""
    answer, wanted = read_answer(text), _wanted(record).number
    return float(answer is not None and wanted is not None and answer.number == wanted)


def thought_reward(record: CodeRecord, text: str) -> float:
    """The share of the thought's lines, or of the steps that are needed where those are more, that are right steps of this computation.

    A step is verified by computing it: see :func:`hrmlab.data.worked.expressions.right_steps`. Lines that are wrong, repeated or beside the
    point make the share smaller; so does leaving steps out.
    """
    answer = read_answer(text)
    if answer is None or not record.operations:
        return 0.0
    expression = parsed(record.operations[0])
    right, _ = right_steps(expression, answer.lines)
    return right / max(operations(expression), len(answer.lines))


def brevity_reward(record: CodeRecord, text: str) -> float:
    """A penalty: minus the share of the text that repeats itself, beyond what the model answer does, or that lies beyond twice its length,
    whichever is more."""
    pieces, model = _PIECE.findall(text), _PIECE.findall(record.canonical_solution)
    beyond = max(0.0, 1 - _ROOM * len(model) / len(pieces)) if pieces else 0.0
    return -max(beyond, _repeated(pieces) - _repeated(model), 0.0)


def _repeated(pieces: list[str]) -> float:
    """The share of the runs of pieces that stood before."""
    runs = [tuple(pieces[start : start + _RUN]) for start in range(len(pieces) - _RUN + 1)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def program_of(record: CodeRecord, text: str) -> Sample | None:
    """The program that an answer's solution makes, to be run with tests that stand in no prompt; None where it is none.

    The solution is one expression of ``x`` on one line. What would say more than an expression (a definition, an assertion, a comment that
    takes the closing parenthesis away) is no program, so tests cannot be handed in.
    """
    answer = read_answer(text)
    if answer is None or not record.test or len(answer.solution) > _LONGEST_PROGRAM:
        return None
    try:
        code = compile(answer.solution.strip(), "<solution>", "eval", dont_inherit=True)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    if "x" not in code.co_names:  # a constant, which no function of the grammar is
        return None
    body = f"    return (\n        {answer.solution.strip()}\n    )\n"
    return Sample(prompt=f"def {record.entry_point}(x):\n", completion=body, test=record.test, entry_point=record.entry_point)


REWARDS: dict[str, Reward] = {
    "format": format_reward,
    "answer": answer_reward,
    "thought": thought_reward,
    "brevity": brevity_reward,
}
"""By name. ``code`` is not among them: it runs programs, see :mod:`hrmlab.rl.scoring`."""


def _wanted(record: CodeRecord) -> Answer:
    wanted = read_answer(record.canonical_solution)
    return Answer("", "") if wanted is None else wanted
