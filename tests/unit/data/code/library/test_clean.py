"""HumanEval is never trained on: the functions that coincide with it are left out."""

import pytest

from hrmlab.core.errors import UserError
from hrmlab.data.code.library import clean as module
from hrmlab.data.code.library.functions import python_functions
from hrmlab.data.code.overlap import contamination
from hrmlab.data.code.problems.load import load_problems
from hrmlab.data.written.record import CodeRecord


def test_what_coincides_with_humaneval_is_left_out_and_the_rest_stays_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = load_problems("humaneval")[53]
    renamed = problem.canonical_solution.replace("x", "left").replace("y", "right")
    planted = CodeRecord("lib/add", 'def add(left, right):\n    """Sum."""\n', renamed, "", "add", 0, "python_functions", "0" * 16, ())
    clean = [
        planted._replace(
            task_id=f"lib/{n}",
            prompt=f'def add{n}(left, right):\n    """Variant {n}."""\n',
            canonical_solution=f"    return left * {n} - right\n",
            entry_point=f"add{n}",
        )
        for n in range(4)
    ]
    monkeypatch.setattr(module, "python_functions", lambda **arguments: [clean[0], planted, *clean[1:]])
    assert module.clean_functions(seed=0, count=None, max_bytes=None) == clean
    assert module.clean_functions(seed=0, count=2, max_bytes=None) == clean[:2]
    assert module.clean_functions(seed=0, count=None, max_bytes=None, held_out=[clean[2]]) == [clean[0], clean[1], clean[3]]
    with pytest.raises(UserError, match=r"5 functions .* 4 are left"):
        module.clean_functions(seed=0, count=5, max_bytes=None)


@pytest.mark.slow
def test_the_standard_library_is_clean_of_humaneval() -> None:
    functions = module.clean_functions(seed=0, count=None, max_bytes=1022)
    assert 4000 < len(functions) < len(python_functions(seed=0, max_bytes=1022))
    assert not contamination(functions, {"humaneval": load_problems("humaneval")}).leaks
