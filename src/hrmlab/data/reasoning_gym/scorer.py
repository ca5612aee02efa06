"""Scores answers by reasoning-gym's own scorer, in a process of its own (:mod:`hrmlab.data.reasoning_gym.judge`)."""

import contextlib
import json
import select
import subprocess
import sys
import weakref
from collections.abc import Mapping
from typing import Any

from hrmlab.data.reasoning_gym.characters import read_back
from hrmlab.data.reasoning_gym.records import Question

PATIENCE_SECONDS = 5.0
"""How long one answer may take; then it scores 0."""

_START_SECONDS = 120.0


class Scorer:
    """Scores of answers to the questions of one generator; the process starts with the first and ends with this object.

    Args:
        name, options, seed, size: of the generator; see :func:`hrmlab.data.reasoning_gym.generator.make_generator`.
        patience: seconds for one answer.
    """

    def __init__(self, *, name: str, options: Mapping[str, Any], seed: int, size: int, patience: float = PATIENCE_SECONDS) -> None:
        self._asked = {"dataset": name, "options": dict(options), "seed": seed, "size": size}
        self._patience = patience
        self._known: dict[tuple[str, str], float] = {}
        self._process: subprocess.Popen[str] | None = None

    def score(self, question: Question, answer: str) -> float:
        """From 0 to 1.

        Args:
            question: to which it is the answer.
            answer: in the characters that tokens stand for.
        """
        key = question.question, answer
        if key not in self._known:
            item = {"index": question.index, "entry": question.entry, "answer": read_back(answer)}
            self._known[key] = self._ask(item)
        return self._known[key]

    def _ask(self, item: dict[str, Any]) -> float:
        process = self._process or self._start()
        found = _exchange(process, item, self._patience)
        if found is None:  # it hangs, or ran out of memory
            self._end()
            return 0.0
        return float(found)

    def _start(self) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", "hrmlab.data.reasoning_gym.judge"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
        )
        self._process, self._finalizer = process, weakref.finalize(self, _stop, process)
        if _exchange(process, self._asked, _START_SECONDS) != "ready":
            self._end()
            raise RuntimeError(f"the scorer of reasoning-gym's {self._asked['dataset']} did not start")
        return process

    def _end(self) -> None:
        self._process = None
        self._finalizer()


def _exchange(process: "subprocess.Popen[str]", item: dict[str, Any], seconds: float) -> Any:
    """The answer to one line; None where none comes in time. One line is answered by one line, so nothing waits in a buffer."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(item) + "\n")
        process.stdin.flush()
    except BrokenPipeError:
        return None
    if not select.select([process.stdout], [], [], seconds)[0]:
        return None
    line = process.stdout.readline()
    return json.loads(line) if line else None


def _stop(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):  # what was still to be written
                pipe.close()
