"""Worked problems: expressions, steps and answers are verified by computing them, and no split gives another away."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrmlab.core.errors import UserError
from hrmlab.core.randomness import stream
from hrmlab.data.worked.answers import Answer, as_text, read_answer
from hrmlab.data.worked.expressions import (
    Expression,
    Operation,
    computation,
    normal_form,
    operations,
    parsed,
    read_step,
    right_steps,
    value,
    written,
)
from hrmlab.data.worked.problems import KINDS
from hrmlab.data.worked.task import WorkedProblemsTask, is_right
from hrmlab.data.written.tokenizer import REASONING_TOKENS, character_tokenizer

EXPRESSIONS: st.SearchStrategy[Expression] = st.recursive(
    st.integers(0, 99), lambda inner: st.builds(Operation, st.sampled_from("+-*"), inner, inner), max_leaves=6
)


@given(EXPRESSIONS)
def test_an_expression_is_what_python_reads_in_its_text(expression: Expression) -> None:
    text = written(expression)
    assert eval(text) == value(expression)
    assert value(parsed(text)) == value(expression)
    assert written(parsed(text)) == text


@given(EXPRESSIONS)
def test_its_computation_is_right_and_complete(expression: Expression) -> None:
    steps = [str(step) for step in computation(expression)]
    assert right_steps(expression, steps) == (operations(expression), value(expression))
    assert right_steps(expression, [*steps, *steps])[1] == value(expression)


@given(EXPRESSIONS, st.lists(st.text(alphabet="0123456789+-*= ", max_size=12), max_size=6))
def test_lines_of_any_kind_never_count_more_than_the_steps_that_there_are(expression: Expression, lines: list[str]) -> None:
    right, left = right_steps(expression, lines)
    assert 0 <= right <= operations(expression)
    assert value(left) == value(expression)


@pytest.mark.parametrize(
    ("lines", "right"),
    [
        (["3+5=8", "8-2=6"], 2),
        (["3+5=9", "9-2=7"], 0),
        (["3+5=8", "3+5=8"], 1),  # given again
        (["1+1=2", "2+2=4", "3+5=8"], 1),  # true and beside the point
        (["5-2=3", "3+3=6"], 0),  # not how it is computed: operations of equal rank go from the left
        (["8-2=6"], 0),  # an operand that is not known yet
        (["3 + 5 = 8", "3+5=08", "３+5=8", "3+5=8=8", ""], 1),
    ],
)
def test_which_lines_are_steps_of_3_plus_5_minus_2(lines: list[str], right: int) -> None:
    assert right_steps(parsed("3+5-2"), lines)[0] == right


def test_what_is_no_step_or_expression() -> None:
    assert read_step("3/5=0") is None
    assert read_step("9999999999+1=2") is None
    for text in ("x+1", "f(3)", "3.0+1", "2**9", "True+1"):
        with pytest.raises(ValueError, match="no expression"):
            parsed(text)


def test_the_normal_form_ignores_the_order_of_sums_and_products_alone() -> None:
    assert normal_form(parsed("3+5*2")) == normal_form(parsed("2*5+3"))
    assert normal_form(parsed("3-5")) != normal_form(parsed("5-3"))


@given(st.text(max_size=30), st.text(max_size=12))
def test_an_answer_is_read_back_as_it_was_written(thought: str, solution: str) -> None:
    clean = all(tag not in f"{thought}{solution}" for tag in REASONING_TOKENS)
    found = read_answer(as_text([thought], solution))
    assert found == (Answer(thought, solution) if clean and thought.strip() and solution.strip() else None)


THINK, END_THINK, SOLUTION, END_SOLUTION = REASONING_TOKENS


@pytest.mark.parametrize(
    "text",
    [
        "",
        "6",
        f"{THINK}{END_THINK}{SOLUTION}6{END_SOLUTION}",  # no thought
        f"{THINK}3+5=8{END_THINK}{SOLUTION} {END_SOLUTION}",  # no solution
        f"{THINK}a{END_THINK}{SOLUTION}6{END_SOLUTION}{SOLUTION}6{END_SOLUTION}",
        f"{THINK}{THINK}a{END_THINK}{SOLUTION}6{END_SOLUTION}",
        f"{SOLUTION}6{END_SOLUTION}{THINK}a{END_THINK}",
        f"so {THINK}a{END_THINK}{SOLUTION}6{END_SOLUTION}",
        f"{THINK}a{END_THINK}{SOLUTION}6{END_SOLUTION} indeed",
        f"{THINK}a{END_THINK} {SOLUTION}6{END_SOLUTION}",
        f"{THINK}a{SOLUTION}6{END_SOLUTION}{END_THINK}",
        "".join(REASONING_TOKENS) * 4,
    ],
)
def test_what_is_no_answer(text: str) -> None:
    assert read_answer(text) is None


@pytest.mark.parametrize(
    ("solution", "number"), [("6", 6), ("-6", -6), ("6 7", None), ("6,7", None), ("6.0", None), ("3+3", None), ("six", None), ("٦", None)]
)
def test_which_solutions_are_one_number(solution: str, number: int | None) -> None:
    assert Answer("a", solution).number == number


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_solves_its_own_problems(kind: str) -> None:
    random = stream(3, kind)
    for _ in range(100):
        problem = KINDS[kind](random, depth=int(random.integers(1, 4)), largest=9)
        answer = read_answer(problem.solution)
        assert answer is not None
        if problem.test:
            space: dict[str, object] = {}
            exec(f"def f(x):\n    return {answer.solution}\n{problem.test}check(f)", space)
            assert answer.solution not in problem.prompt
        else:
            expression = parsed(problem.expression)
            assert answer.number == value(expression)
            assert right_steps(expression, answer.lines) == (problem.depth, answer.number)


@pytest.fixture
def small_task() -> WorkedProblemsTask:
    return WorkedProblemsTask(
        kinds=["arithmetic", "word_problems", "functions"], train_examples=60, validation_examples=15, test_examples=20
    )


def test_no_split_and_no_practice_gives_another_away(small_task: WorkedProblemsTask) -> None:
    records = small_task.records()
    assert {name: len(found) for name, found in records.items()} == {"train": 60, "validation": 15, "test": 20, "test_word_problems": 20}
    practice = small_task.written().practice
    assert practice is not None
    classes = {name: {record.program_hash for record in found} for name, found in records.items()}
    tested = classes["test"] | classes["test_word_problems"]
    for kind in KINDS:
        practised = {record.program_hash for record in practice(kind, 40, 7, False)}
        asked = {record.program_hash for record in practice(kind, 10, 7, True)}
        assert not practised & (tested | classes["validation"] | classes["train"] | asked)
        assert not asked & (tested | classes["train"] | classes["validation"])
    assert not tested & (classes["train"] | classes["validation"])
    assert not classes["train"] & classes["validation"]
    assert practice("chain", 5, 1, False) == practice("chain", 5, 1, False) != practice("chain", 5, 2, False)


def test_a_written_answer_is_verified_by_its_number(small_task: WorkedProblemsTask) -> None:
    record = small_task.records()["test"][0]
    wanted = read_answer(record.canonical_solution)
    assert wanted is not None
    assert is_right(record, record.canonical_solution)
    assert is_right(record, as_text(["hm"], wanted.solution))
    assert not is_right(record, wanted.solution)
    assert not is_right(record, as_text(["hm"], f"{wanted.solution} 1"))


def test_characters_and_tags_are_tokens_of_their_own() -> None:
    tokenizer = character_tokenizer()
    text = as_text(["3+5=8"], "8")
    assert len(tokenizer.encode(text)) == len("3+5=8") + len("8") + len(REASONING_TOKENS)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.decode(tokenizer.encode("é\n~")) == "?\n~"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"kinds": ["arithmetic"], "max_depth": 1, "largest": 1, "train_examples": 50}, "there are only"),
        ({"kinds": ["arithmetic", "arithmetic"]}, "names arithmetic twice"),
        ({"kinds": ["functions"], "train_examples": 5, "validation_examples": 2}, "no test split"),
    ],
)
def test_bad_input_is_one_sentence(words: dict, said: str) -> None:
    with pytest.raises(UserError, match=said):
        WorkedProblemsTask(**words).records()
