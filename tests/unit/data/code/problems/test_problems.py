"""Problem sets: their canonical solutions pass the tests that are made of them, wrong ones fail, bad rows are refused by name."""

import gzip
import json
import os
import warnings
from pathlib import Path

import pytest

from hrmlab.core.errors import UserError
from hrmlab.data.code.problems.load import load_problems
from hrmlab.data.written.record import CodeRecord
from hrmlab.evaluation.code.samples_file import read_problems

SHARED = Path(os.environ.get("HRMLAB_SHARED_DATA", Path(__file__).parents[6] / "shared" / "data")) / "code"

ROW = {
    "task_id": "own/1",
    "prompt": 'def double(value):\n    """Twice the value."""\n',
    "canonical_solution": "    return value * 2\n",
    "test": "def check(candidate):\n    assert candidate(4) == 8\n",
    "entry_point": "double",
}
TASK = {
    "text": "Write a function that counts.",
    "code": "import math\r\nLIMIT = 3\r\ndef helper(n):\r\n\treturn n\r\n@staticmethod\r\ndef count(n,\r\n  m = 1):\r\n\t# all\r\n"
    "\tif n:\r\n\t\treturn helper(n) + m\r\n\treturn 0",
    "task_id": 11,
    "test_setup_code": "four = 4",
    "test_list": ["assert count(3) == four", "assert count(0, 7) == 0 "],
    "challenge_test_list": [],
}


@pytest.fixture
def shared_code() -> Path:
    if not SHARED.is_dir():
        pytest.skip(f"no code problems at {SHARED}; set HRMLAB_SHARED_DATA")
    return SHARED


@pytest.fixture
def write(tmp_path: Path):
    def write_rows(*rows, name: str = "own.jsonl") -> str:
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / name).write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return str(tmp_path / name)

    return write_rows


def passes(record: CodeRecord, solution: str | None = None) -> bool:
    """Whether the program ends well; these solutions are trusted."""
    body = record.canonical_solution if solution is None else solution
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes in old strings
        program = compile(f"{record.prompt}{body}\n{record.test}\ncheck({record.entry_point})\n", record.task_id, "exec")
    try:
        exec(program, {"__name__": "problem"})
    except Exception:
        return False
    return True


def test_humaneval_is_complete_and_its_solutions_pass():
    records = load_problems("humaneval")
    assert len(records) == 164
    assert [record.task_id for record in records] == [f"HumanEval/{number}" for number in range(164)]
    assert {(record.family, record.depth, record.operations) for record in records} == {("humaneval", 0, ())}
    assert [record.task_id for record in records if not passes(record)] == []
    assert [record.task_id for record in records if passes(record, "    return None\n")] == []
    assert load_problems("humaneval", limit=3) == records[:3]


@pytest.mark.parametrize(("name", "test", "everything"), [("mbpp.jsonl.gz", 500, 974), ("sanitized-mbpp.json.gz", 257, 427)])
def test_mbpp_is_complete_and_its_solutions_pass(shared_code, name, test, everything):
    path = str(shared_code / name)
    records = load_problems("mbpp", path)
    assert len(records) == test
    numbers = [int(record.task_id.removeprefix("MBPP/")) for record in records]
    assert numbers == sorted(numbers)
    assert set(numbers) <= set(range(11, 511))
    every = load_problems("mbpp", path, all_rows=True)
    assert len(every) == everything
    assert set(records) <= set(every)
    chosen = [record for record in every if record.task_id != "MBPP/123"]  # seconds by itself
    assert [record.task_id for record in chosen if not passes(record)] == []
    assert all(record.prompt.endswith('"""\n') and record.canonical_solution.startswith("    ") for record in every)
    assert not any("\n\t" in record.canonical_solution or "\r" in record.prompt + record.test for record in every)


def test_mbpp_tests_can_fail(shared_code):
    records = load_problems("mbpp", str(shared_code / "mbpp.jsonl.gz"))
    wrong = [record.task_id for record in records if passes(record, "    return 'wrong'\n")]
    assert wrong == []


@pytest.mark.slow
def test_humaneval_plus_is_stricter_than_humaneval(shared_code):
    records = load_problems("humaneval_plus", str(shared_code / "HumanEvalPlus.jsonl.gz"))
    assert len(records) == 164
    assert [record.task_id for record in records[:12] if not passes(record)] == []
    assert passes(records[32])  # the zero of a polynomial: by residual
    (plain, plus) = (load_problems("humaneval")[2], records[2])
    assert plus.entry_point == "truncate_number"
    by_heart = "    return 0.5 if number == 3.5 else number - 1 if number < 2 else 0.456\n"
    assert passes(plain, by_heart)
    assert not passes(plus, by_heart)


def test_plus_inputs_refuse_what_the_plain_test_lets_through(write):
    row = {**ROW, "base_input": [[4]], "plus_input": [[5], [0.5]], "atol": 0}
    plain, plus = load_problems("file", write(ROW))[0], load_problems("humaneval_plus", write(row, name="plus.jsonl"))[0]
    special = "    return 8\n"
    assert passes(plain, special)
    assert not passes(plus, special)
    assert passes(plus)
    assert passes(plus, "    return value + value + (1e-9 if isinstance(value, float) else 0)\n")
    assert not passes(plus, "    return value + value + (1e-3 if isinstance(value, float) else 0)\n")


def test_plus_inputs_are_not_spoilt_by_a_candidate_that_changes_them(write):
    row = {
        **ROW,
        "prompt": "def double(value):\n",
        "canonical_solution": "    return [2 * item for item in value]\n",
        "test": "def check(candidate):\n    pass\n",
        "base_input": [],
        "plus_input": [[[1, 2]]],
        "atol": 0,
    }
    record = load_problems("humaneval_plus", write(row))[0]
    assert passes(record, "    value[:] = [2 * item for item in value]\n    return value\n")
    assert not passes(record, "    value.clear()\n    return value\n")
    assert not passes(record, "    return tuple(2 * item for item in value)\n")


def test_one_rule_compares_results_wherever_they_are_judged(write):
    row = {
        **ROW,
        "canonical_solution": "    return [float(value), float(value) / 3]\n",
        "test": "def check(candidate):\n    pass\n",
        "base_input": [],
        "plus_input": [[1], [4]],
        "atol": 0,
    }
    path = write(row)
    record, problem = load_problems("humaneval_plus", path)[0], read_problems(Path(path), plus=True)["own/1"]
    assert problem["test"] == record.test
    assert passes(record)
    assert passes(record, "    return [float(value), float(value) / 3 + 1e-9]\n")
    assert not passes(record, "    return [float(value), float(value) / 3 + 1e-3]\n")
    assert not passes(record, "    return (float(value), float(value) / 3)\n")
    nan = load_problems("humaneval_plus", write({**row, "canonical_solution": "    return [float('nan')]\n"}))[0]
    assert not passes(nan)  # NaN equals nothing


def test_an_mbpp_task_becomes_a_function_to_complete(write):
    (record,) = load_problems("mbpp", write(TASK))
    assert record.prompt == (
        "import math\nLIMIT = 3\n\ndef helper(n):\n    return n\n\n\n@staticmethod\ndef count(n,\n  m = 1):\n"
        '    """Write a function that counts.\n    assert count(3) == four\n    """\n'
    )
    assert record.canonical_solution == "    # all\n    if n:\n        return helper(n) + m\n    return 0\n"
    assert record.test == (
        "four = 4\n\ndef check(candidate):\n    count = candidate\n    assert count(3) == four\n    assert count(0, 7) == 0\n"
    )
    assert (record.task_id, record.entry_point, record.family) == ("MBPP/11", "count", "mbpp")
    assert passes(record)
    assert not passes(record, "    return 4\n")


def test_a_tested_function_called_check_gets_another_name(write):
    row = {**TASK, "code": "def check(n):\n    return n and check(n - 1)", "test_list": ["assert check(3) == 0"], "test_setup_code": ""}
    (record,) = load_problems("mbpp", write(row))
    assert record.entry_point == "check_value"
    assert passes(record)
    assert not passes(record, "    return 1\n")


def test_own_files_plain_or_gzipped_and_with_unknown_fields(write):
    expected = load_problems("file", write(ROW))
    assert expected == load_problems("file", write({**ROW, "more": 1}, name="own.jsonl.gz"))
    assert expected[0].family == "file"
    assert passes(expected[0])


def test_programs_up_to_names_have_one_hash(write):
    renamed = {
        **ROW,
        "task_id": "own/2",
        "prompt": "def twice(x: int) -> int:\n",
        "canonical_solution": "  return x * 2\n",
        "entry_point": "twice",
    }
    one, two = load_problems("file", write(ROW, renamed))
    assert one.program_hash == two.program_hash
    assert len(one.program_hash) == 16


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prompt": None}, "the field 'prompt' is of type NoneType"),
        ({"canonical_solution": "    return (\n"}, "the field 'canonical_solution' makes no valid Python"),
        ({"entry_point": "triple"}, "the field 'entry_point' is 'triple'"),
        ({"test": "assert double(4) == 8\n"}, r"the field 'test' does not define check\(candidate\)"),
        ({"task_id": "own/1"}, "the field 'task_id' is own/1 as in an earlier row"),
        ({"base_input": [], "plus_input": "none"}, "the field 'plus_input' is not a list of argument lists"),
    ],
)
def test_a_bad_row_is_refused_by_file_number_and_field(write, change, message):
    path = write(ROW, {**ROW, "task_id": "own/2", **change})
    with pytest.raises(UserError, match=rf"own\.jsonl, row 2 \(counted from 1\): {message}"):
        load_problems("file", path)


def test_a_missing_field_is_refused(write):
    with pytest.raises(UserError, match=r"row 1 \(counted from 1\): the field 'test' is missing"):
        load_problems("file", write({name: value for name, value in ROW.items() if name != "test"}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task_id": "11"}, "'task_id' is '11'; it must be a whole number"),
        ({"code": "def (:"}, "'code' is not valid Python"),
        ({"test_list": "assert count(3)"}, "'test_list' is missing or not a list of texts"),
        ({"test_list": []}, "'test_list' is empty"),
        ({"test_list": ["assert other(3) == 4"]}, "'test_list' calls no function that the field 'code' defines"),
        ({"test_list": ["assert count(3 == 4"]}, "'test_list' has 'assert count\\(3 == 4', which is not valid Python"),
    ],
)
def test_a_bad_mbpp_row_is_refused(write, change, message):
    with pytest.raises(UserError, match=rf"own\.jsonl, row 1 \(counted from 1\): the field {message}"):
        load_problems("mbpp", write({**TASK, **change}))


def test_what_cannot_be_loaded_is_said(write, tmp_path):
    with pytest.raises(UserError, match="problems=humanevil is unknown"):
        load_problems("humanevil")
    with pytest.raises(UserError, match="problems=file needs path"):
        load_problems("file")
    with pytest.raises(UserError, match="leave out path"):
        load_problems("humaneval", write(ROW))
    with pytest.raises(UserError, match="limit=0"):
        load_problems("humaneval", limit=0)
    with pytest.raises(UserError, match="does not exist"):
        load_problems("file", str(tmp_path / "none.jsonl"))
    with pytest.raises(UserError, match="no task of the test split"):
        load_problems("mbpp", write({**TASK, "task_id": 700}))
    (tmp_path / "torn.jsonl.gz").write_bytes(gzip.compress(b"{}" * 100)[:-9])
    with pytest.raises(UserError, match="damaged gzip"):
        load_problems("file", str(tmp_path / "torn.jsonl.gz"))
    (tmp_path / "text.jsonl").write_text("{}\nno json\n")
    with pytest.raises(UserError, match=r"row 2 \(counted from 1\): it is not valid JSON"):
        load_problems("file", str(tmp_path / "text.jsonl"))
    (tmp_path / "list.json").write_text("[1]")
    with pytest.raises(UserError, match=r"row 1 .* no JSON object"):
        load_problems("file", str(tmp_path / "list.json"))


def test_the_hub_layout_is_read_from_a_local_folder(tmp_path, monkeypatch, write):
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "set"
    folder.mkdir()
    for split, number in (("test", 12), ("train", 700)):
        (folder / f"{split}.jsonl").write_text(json.dumps({**TASK, "task_id": number}) + "\n")
    records = load_problems("mbpp", hub_name=str(folder), all_rows=True)
    assert [record.task_id for record in records] == ["MBPP/12", "MBPP/700"]
    assert [record.task_id for record in load_problems("mbpp", hub_name=str(folder))] == ["MBPP/12"]
    assert passes(records[0])
    with pytest.raises(UserError, match="could not be loaded from the Hugging Face hub"):
        load_problems("mbpp", hub_name=str(tmp_path / "absent"))
