"""Records of the synthetic benchmark, judged where completions of models are judged."""

import ast

import pytest

from hrmlab.data.code.synthetic.mutation import mutants
from hrmlab.data.code.synthetic.published import published_splits
from hrmlab.data.code.synthetic.splits import generate_splits
from hrmlab.data.written.record import CodeRecord
from hrmlab.sandbox import Executor, Sample


@pytest.fixture(scope="module")
def records() -> list[CodeRecord]:
    splits = generate_splits(seed=11, train=60, validation=10, test=15, max_depth=3, deeper=2)
    published = published_splits(sequence_length=128, seed=0)
    return [record for part in splits.values() for record in part] + published["train"][:12]


def sample(record: CodeRecord, completion: str) -> Sample:
    return Sample(record.prompt, completion, record.test, record.entry_point)


@pytest.mark.slow
def test_every_solution_passes_and_an_empty_body_does_not(records: list[CodeRecord]) -> None:
    completions = [record.canonical_solution for record in records] + ["    pass\n"] * len(records)
    with Executor(workers=2) as executor:
        verdicts = dict(executor.judge(sample(*pair) for pair in zip(records * 2, completions, strict=True)))
    passed = [verdicts[number].passed for number in range(2 * len(records))]
    assert passed == [True] * len(records) + [False] * len(records)


@pytest.mark.slow
def test_at_least_three_mutants_of_every_solution_fail(records: list[CodeRecord]) -> None:
    chosen = [record for record in records[:100] if record.task_id.startswith("synthetic")][::4]
    work = []
    for number, record in enumerate(chosen):
        solution = ast.parse(record.prompt + record.canonical_solution).body[0]
        assert isinstance(solution, ast.FunctionDef)
        for mutant in mutants(solution):
            body = "\n".join(ast.unparse(statement) for statement in mutant.body)
            work.append((number, "\n".join(f"    {line}" for line in body.splitlines()) + "\n"))
    with Executor(workers=2, timeout=2.0) as executor:
        verdicts = dict(executor.judge(sample(chosen[number], body) for number, body in work))
    failed = [0] * len(chosen)
    for place, (number, _) in enumerate(work):
        failed[number] += not verdicts[place].passed
    assert min(failed) >= 3
