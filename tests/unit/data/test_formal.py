"""Formal languages against membership tests that know nothing of how words are drawn."""

import itertools
import re
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hrmlab.core.errors import UserError
from hrmlab.core.task import IGNORED_LABEL
from hrmlab.data.formal.languages import Dyck, choose_language
from hrmlab.data.formal.task import FormalTask
from hrmlab.data.trivial import Trivial

NAMES: list[Any] = ["anbn", "dyck", "copy", "parity"]


def is_word(name: str, text: str) -> bool:
    if name == "anbn":
        half = len(text) // 2
        return half > 0 and text == "a" * half + "b" * half
    if name == "copy":
        before, mark, after = text.partition("#")
        return bool(before and mark) and before == after
    if name == "parity":
        return bool(re.fullmatch("[01]+=[01]", text)) and text[:-1].count("1") % 2 == int(text[-1])
    while "()" in text or "[]" in text:
        text = text.replace("()", "").replace("[]", "")
    return not text


@pytest.mark.parametrize("name", NAMES)
def test_answers_are_the_only_shortest_rests(name: Any) -> None:
    language = choose_language(name, 2 if name in ("dyck", "copy") else None)
    for size in range(1, 5):
        for question in map("".join, itertools.product(language.alphabet, repeat=size)):
            rests = ["".join(rest) for length in range(5) for rest in itertools.product(language.alphabet, repeat=length)]
            words = [rest for rest in rests if is_word(name, question + rest)]
            shortest = [rest for rest in words if len(rest) == len(words[0])]
            answer = language.answer(question)
            if answer is not None:
                assert shortest == [answer], question
                assert set(answer) <= set(language.answering)
            elif name in ("anbn", "dyck"):  # of the others, questions end in the mark
                assert not shortest, question
    assert language.answer("") is None


@settings(deadline=None, max_examples=60)
@given(name=st.sampled_from(NAMES), seed=st.integers(0, 2**32), low=st.integers(0, 60), more=st.integers(2, 20))
def test_drawn_questions_belong_to_words_of_the_length(name: Any, seed: int, low: int, more: int) -> None:
    language = choose_language(name, None)
    for length in language.lengths(low, low + more):
        assert low <= length <= low + more
        question = language.draw(np.random.default_rng(seed), length)
        answer = language.answer(question)
        assert question
        assert answer is not None
        assert len(question + answer) == length
        assert is_word(name, question + answer)


def test_beginnings_of_words_of_brackets_are_evenly_drawn() -> None:
    language, random = Dyck(1), np.random.default_rng(0)
    drawn = Counter(language.draw(random, 6) for _ in range(8000))
    by_open: dict[int, list[str]] = {}
    for size in range(1, 7):
        for question in map("".join, itertools.product("()", repeat=size)):
            answer = language.answer(question)
            if answer is not None and len(question + answer) == 6:
                by_open.setdefault(len(answer), []).append(question)
    assert set(drawn) == {question for questions in by_open.values() for question in questions}
    assert sorted(by_open) == [0, 1, 2, 3]
    for questions in by_open.values():
        for question in questions:
            assert drawn[question] / 8000 == pytest.approx(1 / 4 / len(questions), abs=0.02)


@pytest.mark.parametrize("name", NAMES)
def test_splits_are_disjoint_and_longer_words_are_longer(name: Any) -> None:
    task = FormalTask(language=name, length=20, longer=30)
    splits = task.load(progress=False)
    assert list(splits.other_tests) == ["test_longer"]
    classes = [set(part.classes.tolist()) for part in splits.sets().values()]
    assert all(not one & other for one, other in itertools.combinations(classes, 2))
    for split, part in splits.sets().items():
        assert len(np.unique(part.classes)) == len(part) > 0
        low, high = (21, 30) if split == "test_longer" else (2, 20)
        assert low <= part.ratings.min()
        assert part.ratings.max() <= high
        for inputs, labels, rating in zip(part.inputs, part.labels, part.ratings, strict=True):
            word = task.answer_text(inputs, labels)
            assert word.endswith("$")
            assert is_word(name, word[:-1])
            assert len(word) == rating + 1
            asked = labels != IGNORED_LABEL
            assert (inputs[asked] == 0).all(), "no position sees an answer, its own or another"
            assert (inputs[asked.argmax() :] == 0).all(), "nor how long it is"
    again = FormalTask(language=name, length=20, longer=30).load(progress=False)
    other = FormalTask(language=name, length=20, longer=30, seed=1).load(progress=False)
    assert again.train.content_hash() == splits.train.content_hash() != other.train.content_hash()


def test_the_number_of_training_words_changes_no_other_set() -> None:
    few, many = (FormalTask(train_examples=count).load(progress=False) for count in (50, 500))
    for name in ("validation", "test", "test_longer"):
        assert few.sets()[name].content_hash() == many.sets()[name].content_hash()
    assert (few.train.inputs == many.train.inputs[:50]).all()


def test_next_tokens_are_the_same_words_one_place_earlier() -> None:
    blanks, shifted = FormalTask(length=12), FormalTask(length=12, attention="causal", next_token=True)
    assert (shifted.spec.attention, shifted.spec.next_token) == ("causal", True)
    for one, other in zip(blanks.load(progress=False).sets().values(), shifted.load(progress=False).sets().values(), strict=True):
        assert (one.classes == other.classes).all()
        assert (one.labels[:, 1:] == other.labels[:, :-1]).all()
        for inputs, labels, row in zip(one.inputs, one.labels, other.inputs, strict=True):
            word = blanks.answer_text(inputs, labels).removesuffix("$")
            assert shifted.to_text(row) == word
            assert shifted.answer_text(row, labels) == shifted.to_text(labels[labels != IGNORED_LABEL])
    some = shifted.load(progress=False).test.inputs[0]
    assert shifted.is_right(some, some) is None
    with pytest.raises(UserError, match="no notation for a single word"):
        shifted.from_text("((")


def test_causal_attention_asks_the_same_rows() -> None:
    full, causal = FormalTask(), FormalTask(attention="causal")
    assert (causal.spec.attention, causal.spec.next_token) == ("causal", False)
    assert full.load(progress=False).test.content_hash() == causal.load(progress=False).test.content_hash()


def test_an_answer_is_right_up_to_its_end_and_shown_with_its_question() -> None:
    task = FormalTask(length=8, longer=12)
    inputs = task.from_text("([(")
    assert inputs.tolist() == [2, 4, 2, *[0] * 10]
    said = np.array([5, 5, 5, 3, 5, 3, 1, 2, 2, 1, 0, 0, 4])
    assert task.to_text(task.completed(inputs, said)) == "([()])$"
    assert task.is_right(inputs, said) is True
    for place, token in ((3, 5), (6, 3), (5, 1)):
        wrong = said.copy()
        wrong[place] = token
        assert task.is_right(inputs, wrong) is False
    assert task.is_right(inputs, np.where(said == 1, 2, said)) is False
    assert (task.from_text("([(....") == inputs).all()


def test_completions_are_compared_wherever_they_stand() -> None:
    task = FormalTask(length=8)
    rows = [task._set([question], [answer]).labels for question, answer in (("((", "))"), ("()((", "))"), ("([", "])"), ("(((", ")))"))]
    one, same, other, longer = task.answer_classes(np.concatenate(rows)).tolist()
    assert one == same
    assert len({one, other, longer}) == 3


def test_files_are_read_and_refused(write_table: Any) -> None:
    task = FormalTask(length=8)
    rows = task.read(write_table([("([(", ")])"), ("()", ""), ("[", "]$")]))
    assert [task.answer_text(*row) for row in zip(rows.inputs, rows.labels, strict=True)] == ["([()])$", "()$", "[]$"]
    assert rows.ratings.tolist() == [6, 2, 2]
    assert (task.read(write_table([("([(",)], header=("question",)), labelled=False).labels == IGNORED_LABEL).all()
    for row, complaint in (
        (("(a", ")"), "row 1 .*the character 'a' at place 2"),
        (("(]", ")"), "row 1 .*not the beginning of a word of data.language=dyck"),
        (("", ")"), "not the beginning"),
        (("(" * 9, ")" * 9), "has 18 symbols and 16 fit"),
        (("([", ")]"), r"the answer '\)\]' is not the shortest completion, which is '\]\)'"),
    ):
        with pytest.raises(UserError, match=complaint):
            task.read(write_table([row]))
    with pytest.raises(UserError, match="'x': the question has the character"):
        task.from_text("x")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"language": "dyk"}, "data.language=dyk does not exist; use anbn, dyck"),
        ({"language": "parity", "kinds": 2}, "parity has no kinds"),
        ({"kinds": 5}, "data.kinds=5 is out of range; data.language=dyck has 1 to 4"),
        ({"kinds": 0}, "out of range"),
        ({"language": "copy", "length": 2}, "data.length=2 holds no word of data.language=copy; give at least 3"),
        ({"length": 24, "longer": 25}, "data.longer=25 leaves no words .*at least 26"),
        ({"longer": 20_000}, "20001 tokens"),
        ({"next_token": True}, "shows every position its answer; add data.attention=causal"),
        ({"train_examples": 0}, "leaves the train set empty"),
    ],
)
def test_impossible_parameters_are_answered(arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        FormalTask(**arguments)


def test_a_language_with_few_words_gives_what_it_has_and_says_when_that_is_too_little() -> None:
    splits = FormalTask(language="anbn", length=12, longer=14).load(progress=False)
    assert sum(len(part) for name, part in splits.sets().items() if name != "test_longer") == sum(n + 1 for n in range(1, 7))
    assert len(splits.other_tests["test_longer"]) == 8
    with pytest.raises(
        UserError, match=r"anbn has only \d+ questions of 2 to 12 symbols for train where data.train_examples=500 were asked"
    ):
        FormalTask(language="anbn", length=12, train_examples=500).load(progress=False)


def solver(task: FormalTask, name: str) -> Trivial:
    splits = task.load(progress=False)
    return next(found for found in task.trivial(splits.train, splits.test) if found.name == name)


@pytest.mark.parametrize("next_token", [False, True])
def test_guessed_symbols_score_what_is_expected(next_token: bool) -> None:
    task = FormalTask(language="copy", kinds=2, length=15, attention="causal", next_token=next_token)
    labels, found = task.load(progress=False).test.labels, solver(task, "guess the symbols")
    asked = labels != IGNORED_LABEL
    right = found.answers == labels
    assert right[asked].mean() == pytest.approx(found.expected["cell_accuracy"], abs=0.06)
    assert (right | ~asked).all(axis=1).mean() == pytest.approx(found.expected["exact_accuracy"], abs=0.06)
    assert solver(FormalTask(language="parity"), "guess the symbols").expected == {"exact_accuracy": 0.5, "cell_accuracy": 0.75}


def test_closing_everything_is_right_where_nothing_was_closed() -> None:
    task = FormalTask(length=12)
    test, found = task.load(progress=False).test, solver(task, "close everything")
    for inputs, labels, answer in zip(test.inputs, test.labels, found.answers, strict=True):
        asked = labels != IGNORED_LABEL
        nothing_closed = not set(task.to_text(inputs)) & set(")]")
        assert (answer == labels)[asked].all() == nothing_closed
