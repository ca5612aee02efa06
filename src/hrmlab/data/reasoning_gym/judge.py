"""The process in which scorers of reasoning-gym run: ``python -m hrmlab.data.reasoning_gym.judge``.

Several of them evaluate an answer as a Python or SymPy expression, and answers are a model's. So they run in a process of their own,
which neither writes files nor starts programs nor opens connections (an audit hook refuses it), has limited memory, and is ended when it
takes too long. That stops accidents and not an attacker; programs that nobody has read belong into ``hrmlab.sandbox``.

Standard input: a line with dataset, options, seed and size, then one for each answer: index, entry (or null), answer. Standard output:
a line ``"ready"``, then the scores.
"""

import ast
import contextlib
import io
import json
import os
import resource
import sys
from typing import Any

from hrmlab.data.reasoning_gym.generator import example, make_generator

MEMORY_BYTES = 4 * 2**30
_READING = ("os.listdir", "os.scandir")
_REFUSED = ("os.", "subprocess.", "socket.", "shutil.", "ctypes.", "pty.", "tempfile.", "urllib.")


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    writes = False
    if event == "open":
        _, mode, flags = arguments
        writes = any(letter in str(mode) for letter in "wax+") if mode else bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    if writes or (event.startswith(_REFUSED) and event not in _READING):
        raise PermissionError(f"{event} is not for scorers")


def main() -> None:
    """Score until standard input ends."""
    answers, scores = sys.stdin, os.fdopen(os.dup(sys.stdout.fileno()), "w")
    asked = json.loads(answers.readline())
    seed = asked["seed"]
    generator = make_generator(asked["dataset"], asked["options"], seed=seed, size=asked["size"])
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    sys.addaudithook(_refuse)
    print(json.dumps("ready"), file=scores, flush=True)
    for line in answers:
        item = json.loads(line)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            entry = ast.literal_eval(item["entry"]) if item["entry"] is not None else example(generator, item["index"], seed=seed)
            try:
                score = float(generator.score_answer(item["answer"], entry))
            except Exception:  # a scorer that cannot read an answer gives it nothing
                score = 0.0
        print(json.dumps(score if 0.0 <= score <= 1.0 else 0.0), file=scores, flush=True)


if __name__ == "__main__":
    main()
