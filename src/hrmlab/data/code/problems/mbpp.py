"""Problems of MBPP (Austin et al. 2021) in HumanEval's form: complete the function below its signature and docstring.

MBPP states a task in words and gives asserts, but no signature. The prompt made here is: everything of the reference code that is not the
tested function (imports, constants, helpers), the function's own signature, and a docstring with the task and the first assert. Task and
one assert in a docstring is the convention of InCoder (Fried et al. 2022, also BigCode's harness); signature first, docstring below it is
that of HumanEval, to which MBXP (Athiwaratkun et al. 2022) brought MBPP likewise. So results compare neither with the few-shot prompts of
three asserts of the MBPP paper nor with prompts without a signature. The first assert is in the prompt and also among the tests, as there.
"""

import ast
import re

from hrmlab.data.code.normal_form import Definition, function_hash, parse
from hrmlab.data.code.source_text import INDENT, normalise_indentation, split_function, write_docstring
from hrmlab.data.json_lines import Row
from hrmlab.data.written.record import CodeRecord

TEST_TASKS = range(11, 511)
"""Task numbers of the test split (1-10 are few-shot prompts, 511-600 validation, 601-974 training)."""


def mbpp_record(row: Row) -> CodeRecord:
    """One problem from a row of ``mbpp.jsonl`` or ``sanitized-mbpp.json``.

    ``challenge_test_list`` is not used, as in the paper.

    Raises:
        UserError: a field is missing, the reference code does not parse, or the asserts test none of its functions.
    """
    task = mbpp_number(row)
    asserts = [_plain(text) for text in row.texts("test_list")]
    if not asserts:
        row.refuse("test_list", "is empty; give at least one assert")
    setup = [_plain(text) for text in (*row.texts("test_imports", default=[]), row.text("test_setup_code", default=""))]
    code = _plain(row.text("code"))
    tree = parse(code)
    if tree is None:
        row.refuse("code", "is not valid Python; correct the reference code")
    function = _tested_function(row, tree, asserts)
    lines = code.split("\n")
    parts = split_function("\n".join(lines[function.lineno - 1 : function.end_lineno]))
    preamble = "".join(_statement(node, lines) for node in tree.body if node is not function)
    decorators = "".join(f"@{ast.unparse(each)}\n" for each in function.decorator_list)
    statement = row.text("text" if "text" in row.fields else "prompt").replace("\r", "").strip()
    docstring = write_docstring(f"{statement}\n{asserts[0]}")
    prompt = (preamble + "\n\n" if preamble else "") + decorators + parts.signature + docstring
    return CodeRecord(
        task_id=f"MBPP/{task}",
        prompt=prompt,
        canonical_solution=parts.body,
        test=_test(function.name, [text for text in setup if text], asserts),
        entry_point=function.name,
        depth=0,
        family="mbpp",
        program_hash=function_hash(prompt + parts.body, function.name) or row.refuse("code", "is not one function with a body; correct it"),
        operations=(),
    )


def mbpp_program(row: Row) -> tuple[str, str]:
    """Entry point and test of a problem whose answers are whole programs, as MBPP's own are, judged by the same asserts.

    Raises:
        UserError: as :func:`mbpp_record`.
    """
    asserts, setup, code = row.texts("test_list"), row.texts("test_imports", default=[]), row.text("code").replace("\r", "")
    tree = parse(code)
    if tree is None:
        row.refuse("code", "is not valid Python; correct the reference code")
    imports = [ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]  # which the tests may count on
    lines = [*imports, *setup, row.text("test_setup_code", default=""), *asserts]
    # The tests call the function by its name, which may be "check"; so they stand outside of the function that must have this name.
    test = "\n".join(lines).replace("\r", "") + "\n\ndef check(candidate):\n    pass\n"
    return _tested_function(row, tree, asserts).name, test


def mbpp_number(row: Row) -> int:
    """The task's number.

    Raises:
        UserError: it is missing or no whole number.
    """
    task = row.fields.get("task_id")
    if not isinstance(task, int):
        row.refuse("task_id", "is missing; it must be a whole number" if task is None else f"is {task!r}; it must be a whole number")
    return task


def _tested_function(row: Row, tree: ast.Module, asserts: list[str]) -> Definition:
    """The function that the asserts call; of several, the last to be defined, since helpers come first."""
    called: set[str] = set()
    for text in asserts:
        parsed = parse(text)
        if parsed is None:
            row.refuse("test_list", f"has '{text[:40]}', which is not valid Python; correct it")
        called.update(node.func.id for node in ast.walk(parsed) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name))
    found = [node for node in tree.body if isinstance(node, Definition) and node.name in called]
    if not found:
        row.refuse("test_list", "calls no function that the field 'code' defines; correct one of the two")
    return found[-1]


def _test(entry_point: str, setup: list[str], asserts: list[str]) -> str:
    before = "".join(f"{text}\n" for text in setup)
    body = "".join(f"{INDENT}{text}\n" for text in asserts)
    return f"{before}\ndef check(candidate):\n{INDENT}{entry_point} = candidate\n{body}"


def _statement(node: ast.stmt, lines: list[str]) -> str:
    first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])
    text = "\n".join(lines[first - 1 : node.end_lineno])
    others = parse(text)
    if others is None or len(others.body) != 1:  # it shares a line with its neighbours
        text = ast.unparse(node)
    blank_line = "\n" if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else ""
    return blank_line + normalise_indentation(text)


def _plain(text: str) -> str:
    """With newlines alone, as Python reads source, and without outer blanks.

    Four reference functions are called ``check``, as is the test of HumanEval's form: they get another name.
    """
    return re.sub(r"\bcheck\b", "check_value", text.replace("\r\n", "\n").replace("\r", "\n").strip())
