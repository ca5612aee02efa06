"""Rewards: a table of cases for each, and properties of what tries to be rewarded without having done anything."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hrmlab.core.errors import UserError
from hrmlab.core.randomness import stream
from hrmlab.data.worked.answers import as_text, read_answer
from hrmlab.data.worked.problems import KINDS
from hrmlab.data.written.record import CodeRecord
from hrmlab.data.written.tokenizer import REASONING_TOKENS
from hrmlab.rl.rewards import REWARDS, answer_reward, brevity_reward, format_reward, program_of, thought_reward
from hrmlab.rl.scoring import NAMES, Scorer, total

THINK, END_THINK, SOLUTION, END_SOLUTION = REASONING_TOKENS


def record_of(kind: str = "arithmetic", *, seed: int = 0, depth: int = 2) -> CodeRecord:
    problem = KINDS[kind](stream(seed, kind), depth=depth, largest=9)
    operations = (problem.expression,) if problem.expression else ()
    entry = "f" if problem.test else ""
    return CodeRecord(f"{kind}/{seed}", problem.prompt, problem.solution, problem.test, entry, depth, kind, "", operations)


SUM = CodeRecord("sum", "3+5-2=?", as_text(["3+5=8", "8-2=6"], "6"), "", "", 2, "arithmetic", "", ("3+5-2",))
GOOD = SUM.canonical_solution


@pytest.mark.parametrize(
    ("text", "form", "answer", "thought"),
    [
        (GOOD, 1, 1, 1.0),
        (as_text(["3+5=8", "8-2=6"], "7"), 1, 0, 1.0),  # thought well, and said something else
        (as_text(["3+5=8"], "6"), 1, 1, 0.5),  # a step left out
        (as_text(["3+5=8", "8-2=7"], "7"), 1, 0, 0.5),
        (as_text(["I add and subtract, step by step, therefore"], "6"), 1, 1, 0.0),  # keywords are no steps
        (as_text(["3+5=8", "3+5=8", "3+5=8", "8-2=6"], "6"), 1, 1, 0.5),  # repeated steps
        (as_text(["1+1=2"] * 8 + ["3+5=8", "8-2=6"], "6"), 1, 1, 0.2),  # true steps beside the point
        (as_text(["3+5-2=6"], "6"), 1, 1, 0.0),  # the problem itself is no step
        (as_text(["3+5=8", "8-2=6"], "6 7 8"), 1, 0, 1.0),  # numbers dumped
        (as_text(["x"], " ".join(map(str, range(100)))), 1, 0, 0.0),
        ("6", 0, 0, 0.0),
        (f"{GOOD}{GOOD}", 0, 0, 0.0),
        (f"{THINK}3+5=8{END_THINK}" + f"{SOLUTION}6{END_SOLUTION}" * 2, 0, 0, 0.0),
        ("".join(REASONING_TOKENS) * 10, 0, 0, 0.0),
        (f"{GOOD} and so on", 0, 0, 0.0),
    ],
)
def test_what_is_rewarded_of_a_sum(text: str, form: int, answer: int, thought: float) -> None:
    assert format_reward(SUM, text) == form
    assert answer_reward(SUM, text) == answer
    assert thought_reward(SUM, text) == pytest.approx(thought)


@pytest.mark.parametrize(
    ("text", "penalty"),
    [
        (GOOD, 0.0),
        ("", 0.0),
        (as_text(["3+5=8"], "8"), 0.0),
        (as_text(["3+5=8"] * 20, "6"), -0.9),
        ("6 " * 100, -0.9),
        (f"{THINK}" * 60, -0.9),
        (" ".join(str(number) for number in range(400)), -0.8),  # nothing repeated, much too long
    ],
)
def test_brevity_is_a_penalty_alone(text: str, penalty: float) -> None:
    found = brevity_reward(SUM, text)
    assert found == 0.0 if penalty == 0.0 else -1.0 <= found <= penalty


def test_a_model_answer_that_has_to_repeat_itself_is_not_punished() -> None:
    zeros = SUM._replace(canonical_solution=as_text(["0-0=0", "0-0=0", "0-0=0"], "0"), operations=("0-0-0-0",))
    assert brevity_reward(zeros, zeros.canonical_solution) == 0.0
    assert brevity_reward(zeros, zeros.canonical_solution * 3) < 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(5))
def test_the_model_answer_has_every_reward_that_there_is(kind: str, seed: int) -> None:
    record = record_of(kind, seed=seed, depth=1 + seed % 3)
    assert format_reward(record, record.canonical_solution) == 1
    assert brevity_reward(record, record.canonical_solution) == 0
    if record.operations:
        assert answer_reward(record, record.canonical_solution) == 1
        assert thought_reward(record, record.canonical_solution) == 1
    else:
        assert program_of(record, record.canonical_solution) is not None


# ---- properties of what tries to be rewarded without having done anything ---------------------------------------------------------------

PIECES = st.lists(st.one_of(st.sampled_from([*REASONING_TOKENS, *"0123456789+-*=; "]), st.text(max_size=3)), max_size=25).map("".join)


@given(PIECES)
def test_every_reward_of_any_text_is_within_its_bounds(text: str) -> None:
    for name, reward in REWARDS.items():
        value = reward(SUM, text)
        assert math.isfinite(value)
        low, high = (-1, 0) if name == "brevity" else (0, 1)
        assert low <= value <= high


@given(PIECES, st.integers(2, 5))
def test_nothing_that_is_said_several_times_is_rewarded(text: str, times: int) -> None:
    for name, reward in REWARDS.items():
        if name != "brevity":
            assert reward(SUM, f"{THINK}{text}" * times) == 0
            assert reward(SUM, as_text([text], "6") * times) == 0
            assert reward(SUM, as_text([text], "6") + END_SOLUTION * times) == 0


@given(st.lists(st.integers(-999, 999), min_size=2, max_size=40), st.sampled_from([" ", ",", ";", "\n", ", "]), st.integers(0, 30))
def test_numbers_that_are_dumped_are_no_answer(numbers: list[int], between: str, place: int) -> None:
    numbers.insert(place % len(numbers), 6)  # the right one among them
    dumped = between.join(map(str, numbers))
    assert answer_reward(SUM, as_text(["3+5=8"], dumped)) == 0
    assert thought_reward(SUM, as_text([dumped], "6")) == 0
    assert thought_reward(SUM, as_text(dumped.split(between), "6")) == 0


@given(st.lists(st.sampled_from(["3+5=8", "8-2=6", "1+1=2", "6-0=6", "3+5=9", "8-2=5", "therefore", ""]), max_size=12))
def test_a_thought_is_worth_no_more_than_its_right_steps_and_padding_makes_it_less(lines: list[str]) -> None:
    base = thought_reward(SUM, as_text(lines, "6"))
    padded = thought_reward(SUM, as_text([*lines, "1+1=2"], "6"))
    assert base <= 1
    assert padded <= base or not "".join(lines).strip()
    assert (base == 1) == (lines == ["3+5=8", "8-2=6"])


@given(st.text(max_size=40))
def test_a_thought_without_a_step_is_worth_nothing(text: str) -> None:
    if "=" not in text:
        assert thought_reward(SUM, as_text(text.split(";"), "6")) == 0


# ---- programs ---------------------------------------------------------------------------------------------------------------------------

FUNCTION = record_of("functions", seed=1, depth=2)
SOLVED = read_answer(FUNCTION.canonical_solution)
assert SOLVED is not None
CHEATS = (
    FUNCTION.test,  # the tests themselves
    "assert True",
    "def check(candidate): pass",
    "x\n    )\ndef check(candidate):\n    return (0",
    "x) or (0",
    "42",  # constants
    "[0, 1, 2, 3]",
    "import os",
    "exit(0) or x",
    "x if x == 1 else __import__('os')._exit(0)",
    "(_ for _ in ()).throw(SystemExit(0)) or x",
    "type('A', (), {'__eq__': lambda a, b: True})() or x",  # equal to whatever it is compared with
    "x #",
    "x" * 500,
    "lambda x: x",
)


def test_a_program_is_one_expression_of_its_argument() -> None:
    sample = program_of(FUNCTION, FUNCTION.canonical_solution)
    assert sample is not None
    assert sample.prompt == "def f(x):\n"
    assert SOLVED is not None
    assert SOLVED.solution in sample.completion
    assert sample.test == FUNCTION.test
    for text in (FUNCTION.test, "x = 3", "42", "", "x) or (0"):
        assert program_of(FUNCTION, as_text(["a"], text)) is None
    assert program_of(SUM, GOOD) is None


def test_programs_are_rewarded_for_passing_tests_and_for_nothing_else() -> None:
    assert SOLVED is not None
    texts = [FUNCTION.canonical_solution, as_text(["another way"], f"0+{SOLVED.solution}"), *(as_text(["a"], cheat) for cheat in CHEATS)]
    with Scorer(["code", "format"], timeout=3.0, allow_unsafe=True) as scorer:
        scores = scorer.scores([FUNCTION] * len(texts), texts)
    assert scores["code"] == [1.0, 1.0, *[0.0] * len(CHEATS)]


# ---- rewards by name --------------------------------------------------------------------------------------------------------------------


def raising(record: CodeRecord, text: str) -> float:
    raise KeyError("gone")


def not_a_number(record: CodeRecord, text: str) -> float:
    return math.nan


def half(record: CodeRecord, text: str) -> float:
    return 0.5


@pytest.mark.parametrize(("name", "said"), [("raising", "failed on the problem sum .KeyError: 'gone'."), ("not_a_number", "gave nan for")])
def test_a_reward_that_fails_is_named(name: str, said: str) -> None:
    scorer = Scorer([f"{__name__}.{name}"])
    with pytest.raises(UserError, match=said):
        scorer.scores([SUM], [GOOD])


def test_rewards_are_added_by_their_weights() -> None:
    mine = f"{__name__}.half"
    scores = Scorer(["format", mine]).scores([SUM, SUM], [GOOD, "6"])
    assert scores == {"format": [1.0, 0.0], mine: [0.5, 0.5]}
    assert total(scores, {"format": 2.0, mine: 1.0}) == [2.5, 0.5]


@pytest.mark.parametrize("name", ["frmat", "no.such.reward"])
def test_an_unknown_reward_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="there is no reward" if "." not in name else "names no importable module"):
        Scorer([name])
    assert set(REWARDS) | {"code"} == set(NAMES)


@settings(max_examples=20)
@given(st.text(max_size=60))
def test_no_text_makes_the_checks_of_programs_fail(text: str) -> None:
    program_of(FUNCTION, as_text(["a"], text))
