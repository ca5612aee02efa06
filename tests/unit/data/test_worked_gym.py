"""Datasets of reasoning-gym as kinds of worked problems: verified by their number, apart from every test split by content."""

import importlib.metadata
from typing import Any

import pytest

from hrmlab.core.errors import MissingExtra, UserError
from hrmlab.data.worked.answers import read_answer
from hrmlab.data.worked.expressions import normal_form, parsed, right_steps, value
from hrmlab.data.worked.task import WorkedProblemsTask, is_right
from hrmlab.rl.rewards import answer_reward, format_reward, thought_reward

FEW: dict[str, Any] = {"train_examples": 30, "validation_examples": 6, "test_examples": 8}
SUMS = {"chain_sum": {"max_terms": 4, "max_digits": 1}}


def test_the_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    with pytest.raises(MissingExtra, match=r"data\.reasoning_gym needs the package .reasoning-gym"):
        WorkedProblemsTask(reasoning_gym=SUMS)


def test_without_it_nothing_changes_in_what_a_task_depends_on() -> None:
    assert "reasoning_gym" not in WorkedProblemsTask().identity()
    with pytest.raises(UserError, match=r"data\.kinds=chain_sum is no kind of problem; there are arithmetic, .* data\.reasoning_gym"):
        WorkedProblemsTask(kinds=["chain_sum"])


gym = pytest.importorskip("reasoning_gym", reason="pip install 'hrmlab[reasoning]'")


def test_its_sums_are_practised_and_no_test_is_among_them() -> None:
    task = WorkedProblemsTask(kinds=["arithmetic"], reasoning_gym=SUMS, largest=9, **FEW)
    practice = task.written().practice
    assert practice is not None
    practised, asked = practice("chain_sum", 300, 7, False), practice("chain_sum", 40, 7, True)
    records = task.records()
    assert set(records) == {"train", "validation", "test"}, "what is practised alone is neither trained on nor tested"
    classes = {name: {record.program_hash for record in found} for name, found in records.items()}
    held_out = {record.program_hash for record in asked}
    for record in practised:
        assert record.program_hash not in classes["test"] | classes["validation"] | classes["train"] | held_out
    assert not held_out & (classes["test"] | classes["train"] | classes["validation"])
    # 300 draws from some thousand sums would meet a tenth of all without the rule.
    tested = {normal_form(parsed(record.operations[0])) for record in records["test"]}
    assert not tested & {normal_form(parsed(record.operations[0])) for record in practised}
    assert practice("chain_sum", 5, 1, False) == practice("chain_sum", 5, 1, False) != practice("chain_sum", 5, 2, False)


def test_steps_are_verified_where_the_expression_is_known() -> None:
    task = WorkedProblemsTask(kinds=["chain_sum"], reasoning_gym=SUMS, **FEW)
    for record in task.records()["test"]:
        answer, expression = read_answer(record.canonical_solution), parsed(record.operations[0])
        assert answer is not None
        assert answer.number == value(expression)
        assert right_steps(expression, answer.lines)[0] == record.depth > 0
        assert format_reward(record, record.canonical_solution) == answer_reward(record, record.canonical_solution) == 1.0
        assert thought_reward(record, record.canonical_solution) == 1.0
        assert is_right(record, record.canonical_solution)


def test_where_no_steps_are_known_the_number_alone_is_verified() -> None:
    task = WorkedProblemsTask(kinds=["arithmetic", "leg_counting"], reasoning_gym={"leg_counting": None}, **FEW)
    record = task.records()["test_leg_counting"][0]
    assert "\n" not in record.prompt
    assert answer_reward(record, record.canonical_solution) == 1.0
    assert thought_reward(record, record.canonical_solution) == 0.0
    assert record.depth == 0


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"chain_smu": None}, r"data\.reasoning_gym\.chain_smu is not in reasoning-gym .*; did you mean chain_sum"),
        ({"chain_sum": {"max_term": 3}}, r"data\.reasoning_gym\.chain_sum\.max_term is no option of .*; did you mean max_terms"),
        ({"chain_sum": {"min_terms": 0}}, r"data\.reasoning_gym\.chain_sum does not take"),
        ({"chain_sum": 3}, r"data\.reasoning_gym\.chain_sum=3 is no set of options"),
    ],
)
def test_what_no_dataset_takes_is_refused_at_once(asked: dict, said: str) -> None:
    with pytest.raises(UserError, match=said):
        WorkedProblemsTask(reasoning_gym=asked)


@pytest.mark.parametrize(
    ("asked", "count", "said"),
    [
        ({"time_intervals": None}, 3, r"data\.reasoning_gym\.time_intervals answers .* whole number; choose a dataset of numbers"),
        ({"chain_sum": {"max_terms": 2, "max_digits": 1}}, 5000, r"there are only \d+ different problems of chain_sum .* give options"),
    ],
)
def test_what_cannot_be_verified_or_is_too_few_is_refused_when_it_is_drawn(asked: dict, count: int, said: str) -> None:
    practice = WorkedProblemsTask(reasoning_gym=asked, **FEW).written().practice
    assert practice is not None
    with pytest.raises(UserError, match=said):
        practice(next(iter(asked)), count, 0, False)
