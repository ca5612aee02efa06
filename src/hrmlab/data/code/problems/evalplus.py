"""HumanEval+ (Liu et al. 2023) from its own file: further inputs, whose results are those of the reference solution.

The file carries inputs and no results; the copy on the Hugging Face hub carries a finished test instead and needs nothing of this. The test
made here runs HumanEval's own asserts, then the candidate and the reference side by side on every input of both lists. Whoever judges
code uses it, so that a program passes everywhere or nowhere. Results are compared by EvalPlus's own rule (``evalplus/eval/__init__.py`` of
https://github.com/evalplus/evalplus): equal; or, where the reference gives a float or a list of floats, or the problem has an absolute
tolerance, of the same type and length and, as in ``numpy.allclose``, |found - expected| <= tolerance + 1e-7 |expected| (1e-6 where
the problem's is 0), so NaN equals nothing; and ``find_zero``, which has more than one answer, by the value of the polynomial.
"""

import json

from hrmlab.data.json_lines import Row

_BY_RESIDUAL = "find_zero"

_COMPARISON = """

def _close(one, other, tolerance):
    if isinstance(other, (list, tuple)):
        return isinstance(one, type(other)) and len(one) == len(other) and all(_close(a, b, tolerance) for a, b in zip(one, other))
    if one == other:
        return True
    numbers = isinstance(one, (int, float)) and isinstance(other, (int, float))
    return numbers and abs(one - other) <= tolerance + 1e-7 * abs(other)


def _agree(one, other, tolerance):
    if one == other:
        return True
    items = other if isinstance(other, (list, tuple)) else [other]
    if tolerance == 0 and all(isinstance(item, float) for item in items):
        tolerance = 1e-6
    return tolerance != 0 and type(one) is type(other) and _close(one, other, tolerance)

"""


def with_plus_inputs(row: Row, *, program: str, test: str, entry_point: str) -> str:
    """A test whose ``check(candidate)`` is HumanEval's own followed by all inputs of the row.

    Args:
        row: with the fields ``base_input`` and ``plus_input`` (lists of argument lists) and ``atol``.
        program: the reference, prompt and solution.
        test: HumanEval's test with its ``check``.
        entry_point: the function's name.

    Raises:
        UserError: the inputs are missing or not lists of argument lists.
    """
    inputs = []
    for field in ("base_input", "plus_input"):
        if field not in row.fields:
            row.refuse(field, "is missing; take the file from EvalPlus")
        value = row.fields[field]
        if not isinstance(value, list) or not all(isinstance(arguments, list) for arguments in value):
            row.refuse(field, "is not a list of argument lists; take the file from EvalPlus again")
        inputs += value
    tolerance = row.fields.get("atol", 0)
    if not isinstance(tolerance, int | float):
        row.refuse("atol", f"is {tolerance!r}; it must be a number")
    if entry_point == _BY_RESIDUAL:
        comparison = f"abs(sum(value * found**power for power, value in enumerate(arguments[0]))) <= {tolerance!r}"
    else:
        comparison = f"_agree(found, reference(*copy.deepcopy(arguments)), {tolerance!r})"
    return (
        f"import copy\nimport json\n\n{test.strip()}\n\n\n_check_humaneval = check\n{_COMPARISON}\n"
        f"def check(candidate):\n"
        f"    _check_humaneval(candidate)\n"
        f"    namespace = {{}}\n"
        f"    exec({program!r}, namespace)\n"
        f"    reference = namespace[{entry_point!r}]\n"
        f"    for arguments in json.loads({json.dumps(inputs)!r}):\n"
        f"        found = candidate(*copy.deepcopy(arguments))\n"
        f"        assert {comparison}\n"
    )
