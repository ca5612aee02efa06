"""A program that needs no writing: what returning the argument passes."""

import ast
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hrmlab.config.schema import Evaluation
from hrmlab.data.trivial import spread
from hrmlab.data.written.record import CodeRecord
from hrmlab.evaluation.code.completions import Completion
from hrmlab.evaluation.code.judged import judged_result
from hrmlab.evaluation.code.scoring import run_completions

MOST_PROBLEMS = 200
"""Of a larger set so many are run."""


def returning_the_argument(problems: Sequence[CodeRecord], *, settings: Evaluation) -> dict[str, Any]:
    """The entry of the solver that returns the first argument, whatever it is asked; see ``evaluation.trivial``.

    Raises:
        UserError: no sandbox holds on this machine.
    """
    chosen = [problems[place] for place in spread(len(problems), MOST_PROBLEMS).tolist()]
    answers = [Completion(record.task_id, 0, f"    return {_first_argument(record)}\n", 0, False) for record in chosen]
    rows = run_completions({"trivial": (answers, chosen)}, settings=settings, progress=False)["trivial"]
    result = judged_result(rows, chosen, settings=replace(settings, ks=[1], samples=1), generated=False)
    meaning = "every function returns its first argument as it is"
    return {"name": "return the argument", "meaning": meaning, "count": len(chosen), "pass_at_1": result["pass_at_1"]}


def _first_argument(record: CodeRecord) -> str:
    """The name of the function's first argument; ``None`` where it has none."""
    body = ast.parse(f"{record.prompt}    pass\n").body
    arguments = [node.args for node in body if isinstance(node, ast.FunctionDef) and node.name == record.entry_point]
    names = [argument.arg for found in arguments for argument in (*found.posonlyargs, *found.args)]
    return names[0] if names else "None"
